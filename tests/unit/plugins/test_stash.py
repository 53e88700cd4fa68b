"""The plugin as Airflow takes it."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from airflow_provider_stash.plugins.stash import StashPlugin


@pytest.mark.oldest
def test_airflow_finds_it_by_its_entry_point():
    (found,) = [one for one in entry_points(group="airflow.plugins") if one.name == "stash"]
    assert found.load() is StashPlugin


@pytest.mark.oldest
def test_each_view_is_one_that_airflow_takes():
    """One that it does not take makes it drop the whole plugin with a log line."""
    code = (
        "import warnings; warnings.simplefilter('ignore');"
        "from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse;"
        "from airflow_provider_stash.plugins.stash import StashPlugin;"
        "print(len([ExternalViewResponse(**view) for view in StashPlugin().external_views]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "3"


@pytest.mark.oldest
def test_the_app_is_made_with_this_airflow_and_only_reads():
    code = (
        "import warnings; warnings.simplefilter('ignore');"
        "from airflow_provider_stash.plugins.stash import StashPlugin;"
        "(app,) = StashPlugin().fastapi_apps;"
        "print(app['url_prefix'], sorted({m for route in app['app'].routes for m in route.methods}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "/stash ['GET']"
