"""The metadata is what Airflow takes, and every path in it is there."""

import importlib
import json
from importlib.resources import files

import jsonschema
import pytest

from airflow_provider_stash.get_provider_info import get_provider_info

pytestmark = pytest.mark.oldest
INFO = get_provider_info()


def schema(name):
    return json.loads(files("airflow").joinpath(name).read_text())


def test_fits_the_runtime_schema():
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


@pytest.mark.parametrize("connection", INFO["connection-types"], ids=lambda one: one["connection-type"])
def test_forms_fit_the_schema_of_forms(connection):
    jsonschema.validate(
        connection, schema("provider.yaml.schema.json")["properties"]["connection-types"]["items"]
    )


def test_every_module_is_there():
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in INFO[kind]:
            assert entry["integration-name"] in {one["integration-name"] for one in INFO["integrations"]}
            for module in entry["python-modules"]:
                importlib.import_module(module)


def test_the_command_line_is_there():
    (path,) = INFO["cli"]
    module, name = path.rsplit(".", 1)
    assert [command.name for command in getattr(importlib.import_module(module), name)()] == ["stash"]


@pytest.mark.parametrize("connection", INFO["connection-types"], ids=lambda one: one["connection-type"])
def test_hooks_are_there_and_know_every_field_of_their_form(connection):
    module, name = connection["hook-class-name"].rsplit(".", 1)
    hook = getattr(importlib.import_module(module), name)
    assert hook.conn_type == connection["connection-type"]
    assert set(connection["conn-fields"]) <= set(hook.FIELDS)
    hook(**{hook.conn_name_attr: "x"})  # Airflow's test button calls it so


def test_every_link_is_there_and_airflow_knows_it():
    from airflow.providers_manager import ProvidersManager

    for path in INFO["extra-links"]:
        module, name = path.rsplit(".", 1)
        assert getattr(importlib.import_module(module), name)().name
    assert set(INFO["extra-links"]) <= set(ProvidersManager().extra_links_class_names)


def test_airflow_finds_the_provider():
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManagerTaskRuntime()
    assert "airflow-provider-stash" in manager.providers
    assert {"etcd", "restic"} <= set(manager.hooks)


def test_secret_fields_have_names_that_airflow_masks():
    from airflow.sdk._shared.secrets_masker import DEFAULT_SENSITIVE_FIELDS as NAMES

    for connection in INFO["connection-types"]:
        for name, field in connection["conn-fields"].items():
            if field["schema"].get("format") == "password":
                assert any(part in name for part in NAMES), name
