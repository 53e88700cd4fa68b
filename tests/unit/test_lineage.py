from types import SimpleNamespace

import pytest

from airflow_provider_stash.lineage import backup_lineage, restore_lineage
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restore import VerifyRestoreOperator

SNAPSHOT = "a" * 64
RESULT = {"snapshot": SNAPSHOT, "revision": 7, "keyCount": 3, "totalSize": 2048}
PLAN = {**RESULT, "repository": "s3:https://s3.example.com/bucket/prod/etcd", "expectedRevision": 1000}


def places(datasets):
    return [(one.namespace, one.name, one.facets["version"].datasetVersion) for one in datasets]


def test_a_backup_goes_from_the_cluster_into_the_repository():
    lineage = backup_lineage(RESULT, etcd="https://etcd-0:2379", location="/srv/restic")
    assert places(lineage.inputs) == [("etcd://etcd-0:2379", "/", "7")]
    assert places(lineage.outputs) == [("file", "/srv/restic", SNAPSHOT)]
    statistics = lineage.outputs[0].outputFacets["outputStatistics"]
    assert (statistics.rowCount, statistics.size) == (3, 2048)


def test_a_session_in_one_task_tells_of_its_backup():
    whole = {"backup": RESULT, "forget": None, "check": None, "status": {}}
    lineage = backup_lineage(whole, etcd="https://etcd-0:2379", location="/srv/restic")
    assert places(lineage.outputs) == [("file", "/srv/restic", SNAPSHOT)]


def test_a_restore_goes_the_other_way():
    lineage = restore_lineage(PLAN, etcd="https://etcd-0:2379")
    assert places(lineage.inputs) == [("s3://bucket", "prod/etcd", SNAPSHOT)]
    assert places(lineage.outputs) == [("etcd://etcd-0:2379", "/", "1000")]


@pytest.mark.parametrize(
    ("location", "namespace", "name"),
    [
        ("gs:bucket:/prefix", "gs://bucket", "prefix"),
        ("s3:s3.amazonaws.com/bucket", "s3://bucket", "/"),
        ("rest:https://backup.example.com/repo", "restic", "rest:https://backup.example.com/repo"),
    ],
)
def test_repositories_are_named_as_openlineage_names_places(location, namespace, name):
    lineage = backup_lineage(RESULT, etcd="https://e:1", location=location)
    assert places(lineage.outputs) == [(namespace, name, SNAPSHOT)]


@pytest.mark.parametrize("operator", [EtcdBackupOperator, VerifyRestoreOperator])
def test_the_provider_finds_what_the_operators_tell(operator):
    from airflow.providers.openlineage.extractors.manager import ExtractorManager

    task = SimpleNamespace(
        task_type=operator.__name__,
        get_openlineage_facets_on_complete=operator.get_openlineage_facets_on_complete,
    )
    assert ExtractorManager().get_extractor_class(task).__name__ == "DefaultExtractor"
