"""One suite for every step, run in the worker and as a Job: the same results, and the same errors."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.assets import repository_asset
from airflow_provider_stash.operators.etcd import EtcdBackupOperator, EtcdWaitOperator
from airflow_provider_stash.operators.maintenance import ResticMigrateOperator, ResticPruneOperator
from airflow_provider_stash.operators.restic import (
    ResolveSnapshotOperator,
    ResticCheckOperator,
    ResticForgetOperator,
    ResticInitOperator,
    ResticStatusOperator,
)
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator
from airflow_provider_stash.steps.staging import TempDir
from testbed.etcd_cluster import EtcdCluster
from tests.kubernetes.jobs.conftest import ETCD_PASSWORD, KEYS, REPOSITORY_PASSWORD
from tests.kubernetes.jobs.repositories import LocalRepository

SHAPES = {}
"""What each step returned in the first place: the second must return the same fields of the same types."""


@pytest.fixture(scope="module")
def local_etcd(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), size=1, tls=False, password=ETCD_PASSWORD) as cluster:
        cluster.fill(KEYS)
        yield cluster


@pytest.fixture(params=["worker", "job"])
def place(request, job, tmp_path, monkeypatch):
    """Where the steps run; each place has a repository and an etcd that it reaches."""
    if request.param == "job":
        return job
    local = request.getfixturevalue("local_etcd")
    monkeypatch.setenv("AIRFLOW_CONN_ETCD_DEFAULT", local.connection())
    own = LocalRepository(tmp_path / "r", REPOSITORY_PASSWORD)
    monkeypatch.setenv("AIRFLOW_CONN_RESTIC_DEFAULT", own.connection())
    return "worker"


@pytest.fixture
def of_place(place, repository, tmp_path):
    """The place's repository."""
    return LocalRepository(tmp_path / "r", REPOSITORY_PASSWORD) if place == "worker" else repository


def shape(value):
    if isinstance(value, dict):
        return {"id" if len(key) == 64 else key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def same(step, result):
    assert json.loads(json.dumps(result)) == result
    assert SHAPES.setdefault(step, shape(result)) == shape(result)
    return result


def test_a_session(place, of_place, run):
    made = same("init", run.execute(ResticInitOperator(task_id="init", execution=place)))
    assert made["created"] is True
    assert made["version"] == 2
    of_place.cheapen()
    again = run.execute(ResticInitOperator(task_id="again", execution=place))
    assert again == {**made, "created": False}

    waited = same("wait", run.execute(EtcdWaitOperator(task_id="wait", execution=place)))
    assert waited["alarms"] == []
    assert len(waited["members"]) == 1

    odd = "$(HOME) $HOME 'ö'"  # neither a shell nor Kubernetes may see anything in it
    backup = EtcdBackupOperator(
        task_id="backup", execution=place, tags=[odd], hash_kv=True, temp_dir=TempDir()
    )
    backed_up = same("backup", run.execute(backup))
    assert odd in backed_up["tags"]
    assert f"airflow-run=d/{run.run_id}" in backed_up["tags"]
    assert backed_up["fileStats"]["newFiles"] == 1
    assert backed_up["keyCount"] == KEYS

    policy = {"keepLast": 1, "prune": True}
    forgotten = same(
        "forget",
        run.execute(ResticForgetOperator(task_id="forget", execution=place, retention_policy=policy)),
    )
    assert forgotten["removed"] == []
    assert [one[:8] for one in forgotten["kept"]] == [backed_up["snapshot"][:8]]

    checked = same(
        "check", run.execute(ResticCheckOperator(task_id="check", execution=place, read_data=True))
    )
    assert (checked["integrity"], checked["errors"], checked["readData"]) == (True, [], "all")

    status = ResticStatusOperator(
        task_id="status", execution=place, check_task_id="check", forget_task_id="forget"
    )
    told = same("status", run.execute(status))
    assert (told["integrity"], told["snapshotCount"]) == (True, 1)
    assert run.events[repository_asset("restic_default")].extra == told

    run.execute(ResticCheckOperator(task_id="measuring", execution=place, measure=True))
    without_job = ResticStatusOperator(
        task_id="without_job", execution=place, check_task_id="measuring", forget_task_id="forget"
    )
    assert run.execute(without_job) == told

    found = same("resolve", run.execute(ResolveSnapshotOperator(task_id="resolve", execution=place)))
    assert found["revision"] == backed_up["revision"]


def test_a_session_in_one_task(place, run):
    session = EtcdBackupSessionOperator(task_id="session", execution=place, retention_policy={"keepLast": 3})
    result = same("session", run.execute(session))
    assert result["backup"]["keyCount"] == KEYS
    assert result["check"]["integrity"] is True
    assert result["status"]["snapshotCount"] == 1
    assert run.events[repository_asset("restic_default")].extra == result["status"]


def test_maintenance(place, of_place, run):
    of_place.make()
    pruned = same("prune", run.execute(ResticPruneOperator(task_id="prune", execution=place, max_unused="0")))
    assert pruned["dryRun"] is False
    migrated = same("migrate", run.execute(ResticMigrateOperator(task_id="migrate", execution=place)))
    assert (migrated["migrated"], migrated["version"]) == (False, 2)


def test_errors_are_the_steps_own(place, run, monkeypatch):
    with pytest.raises(AirflowFailException, match=r"no repository at") as caught:
        run.execute(ResolveSnapshotOperator(task_id="resolve", execution=place))
    assert type(caught.value.__cause__).__name__ == "RepositoryNotFoundError"

    wrong = json.dumps({"conn_type": "etcd", "host": "127.0.0.1:9", "extra": {"timeout": 0.2}})
    monkeypatch.setenv("AIRFLOW_CONN_ETCD_DEFAULT", wrong)
    with pytest.raises(Exception, match="etcd did not answer within 0.1 s") as caught:
        run.execute(EtcdWaitOperator(task_id="wait", execution=place, timeout=0.1))
    assert type(caught.value).__name__ == "EtcdUnavailableError"
