"""The example DAGs run as they stand: they load, and Airflow can serialize them."""

import importlib.util
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

pytestmark = pytest.mark.oldest
FILES = sorted((Path(__file__).parents[2] / "example_dags").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_and_serializes(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dags = [value for value in vars(module).values() if isinstance(value, DAG)]
    assert [dag.dag_id for dag in dags] == [path.stem]
    assert DagSerialization.to_dict(dags[0])["dag"]["dag_id"] == path.stem
    assert dags[0].tasks


def test_there_are_some():
    assert len(FILES) == 4
