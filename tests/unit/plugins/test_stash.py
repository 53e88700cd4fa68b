"""The plugin as Airflow takes it."""

from importlib.metadata import entry_points

import pytest

from airflow_provider_stash.plugins.stash import StashPlugin


@pytest.mark.oldest
def test_airflow_finds_it_by_its_entry_point():
    (found,) = [one for one in entry_points(group="airflow.plugins") if one.name == "stash"]
    assert found.load() is StashPlugin


@pytest.mark.oldest
def test_each_view_is_one_that_airflow_takes(in_fresh_airflow):
    """One that it does not take makes it drop the whole plugin with a log line."""
    code = (
        "import warnings; warnings.simplefilter('ignore');"
        "from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse;"
        "from airflow_provider_stash.plugins.stash import StashPlugin;"
        "print(len([ExternalViewResponse(**view) for view in StashPlugin().external_views]))"
    )
    assert in_fresh_airflow(code).split()[-1] == "3"


@pytest.mark.oldest
def test_the_app_is_made_with_this_airflow_and_only_reads(in_fresh_airflow):
    code = (
        "import warnings; warnings.simplefilter('ignore');"
        "from airflow_provider_stash.plugins.stash import StashPlugin;"
        "(app,) = StashPlugin().fastapi_apps;"
        "print(app['url_prefix'], sorted({m for route in app['app'].routes for m in route.methods}))"
    )
    assert in_fresh_airflow(code).splitlines()[-1] == "/stash ['GET']"
