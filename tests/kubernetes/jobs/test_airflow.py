"""Jobs by a whole Airflow: scheduler, workers and triggerer."""

import json
import re
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from airflow_provider_stash.resources.connections import connection_id
from testbed.airflow_home import AirflowHome
from tests.kubernetes.jobs.conftest import (
    ETCD_IMAGE,
    ETCD_PASSWORD,
    IMAGE,
    KEYS,
    NOTHING_THERE,
    REPOSITORY_PASSWORD,
    WAITS,
    role,
    settings_of_jobs,
    wait_until,
)

PARTS = ("held", "deferred")
OF_BACKUPS, OF_TASK = "by-airflow", "by-task"
"""Their repositories; a run makes each, and what follows need not take long to open it."""


@pytest.fixture(scope="module")
def airflow(cluster, tmp_path_factory):
    directory = tmp_path_factory.mktemp("airflow")
    connections = {
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": cluster.connection(
            role("airflow-stash-backup")["rules"] + role("airflow-stash-hooks")["rules"]
        ),
        "AIRFLOW_CONN_ETCD_DEFAULT": cluster.etcd_connection(),
        "AIRFLOW_CONN_ETCD_NOWHERE": NOTHING_THERE,
        "AIRFLOW_CONN_RESTIC_DEFAULT": cluster.repository(OF_BACKUPS).connection(),
    }
    conn_id = connection_id("Repository", cluster.namespace, "own")
    connections[f"AIRFLOW_CONN_{conn_id.upper()}"] = cluster.repository(OF_TASK).connection()
    manifests = directory / "own_task.yaml"
    manifests.write_text(own_task(cluster))
    settings = {key: value for key, value in asdict(settings_of_jobs()).items() if value is not None}
    env = {
        **connections,
        "STASH_TEST_JOB": json.dumps(settings),
        "STASH_TEST_MANIFESTS": str(manifests),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # of a loaded machine
    }
    with AirflowHome(directory, Path(__file__).parent / "dags", env, light=True) as home:
        for name in ("backup_held", "backup_deferred", "waits", own_dag(cluster), own_restores(cluster)):
            home.wait_for_dag(name, timeout=300)
        yield home


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.timeout(900)
def test_a_backup(airflow, cluster, part):
    run_id = airflow.trigger(f"backup_{part}")
    state = airflow.wait(f"backup_{part}", run_id, timeout=500)
    logs = airflow.logs(f"backup_{part}", run_id)
    assert state == "success", logs[-5000:]
    if part == "held":
        result = airflow.result("backup_held", run_id, "session")
        assert "hello from etcd" in logs
        cluster.repository(OF_BACKUPS).cheapen()
    else:
        names = ("backup", "forget", "check", "status")
        result = {name: airflow.result("backup_deferred", run_id, name) for name in names}
    assert result["backup"]["keyCount"] == KEYS
    assert result["check"]["integrity"] is True
    assert result["status"]["snapshotCount"] >= 1
    assert "Snapshot of http" in logs
    for text in (logs, json.dumps(airflow.xcoms(f"backup_{part}", run_id))):
        assert ETCD_PASSWORD not in text
        assert REPOSITORY_PASSWORD not in text
    cluster.wait_clean()


@pytest.mark.timeout(900)
def test_a_task_of_ones_own(airflow, cluster):
    data = {"etcd": ETCD_PASSWORD, "RESTIC_PASSWORD": REPOSITORY_PASSWORD}
    secret = {"metadata": {"name": "own"}, "stringData": data}
    cluster.core.create_namespaced_secret(cluster.namespace, secret)
    dag_id = own_dag(cluster)
    run_id = airflow.trigger(dag_id)
    state = airflow.wait(dag_id, run_id, timeout=500)
    logs = airflow.logs(dag_id, run_id)
    assert state == "success", logs[-5000:]
    result = airflow.result(dag_id, run_id, "backup")
    assert [one["name"] for one in result["containers"]] == ["own-dump-0", "own-send-1"]
    status = airflow.result(dag_id, run_id, "status")
    assert [one["paths"] for one in status["snapshots"]] == [["/stash-tmp/data"]]
    assert "[own-send-1] snapshot" in logs
    cluster.repository(OF_TASK).cheapen()
    logs += restored(airflow, cluster)
    for text in (logs, json.dumps(airflow.xcoms(dag_id, run_id))):
        assert ETCD_PASSWORD not in text
        assert REPOSITORY_PASSWORD not in text
    cluster.wait_clean()


@pytest.mark.timeout(900)
def test_ending_a_task_by_hand_ends_its_job(airflow, cluster):
    with stopped(airflow.servers[-1]):  # the triggerer
        early = airflow.trigger("waits")
        wait_for_words(cluster, "held", early)
        wait_until(lambda: airflow.states("waits", early)["deferred"] == "deferred", 300)
        end(airflow, early)
    wait_until(lambda: not jobs_of(cluster, early), 300)
    run_id = airflow.trigger("waits")
    for part in PARTS:
        wait_for_words(cluster, part, run_id)
    assert airflow.states("waits", run_id) == {"held": "running", "deferred": "deferred"}
    # A triggerer is at work again: for what was ended before it came to it, it has made no Job.
    assert jobs_of(cluster, early) == []
    assert not re.search(r"stash-deferred-\S+ runs the step", airflow.logs("waits", early))
    assert re.search(r"stash-deferred-\S+ runs the step", airflow.logs("waits", run_id))
    # Cleared, it is tried again, by a Job of its own.
    (first,) = (one for one in cluster.jobs() if task_of(one) == "deferred")
    clear = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["deferred"], "only_failed": False}
    airflow.post("/dags/waits/clearTaskInstances", clear)
    wait_until(lambda: first.metadata.uid not in {one.metadata.uid for one in cluster.jobs()}, 300)
    wait_for_words(cluster, "deferred", run_id)
    end(airflow, run_id)
    wait_until(lambda: not cluster.jobs(), 300)
    cluster.wait_clean()
    assert WAITS in airflow.logs("waits", run_id)


@contextmanager
def stopped(server):
    """Stop a server for a while. One that only stands still may hold the database's lock."""
    server.stop(4, ask_children=False)  # as the home does in the end
    try:
        yield
    finally:
        server.start()


def end(airflow, run_id):
    """Mark a run's tasks failed, as a person does."""
    for part in PARTS:
        airflow.patch(f"/dags/waits/dagRuns/{run_id}/taskInstances/{part}", {"new_state": "failed"})


def own_dag(cluster):
    return f"stash.{cluster.namespace}.backupconfiguration.own"


def own_restores(cluster):
    return f"stash.{cluster.namespace}.restorebatch.own"


def restored(airflow, cluster):
    """Restore what was backed up by the batch, whose members have a Task of one's own; give its logs."""
    dag_id = own_restores(cluster)
    run_id = airflow.trigger(dag_id)
    state = airflow.wait(dag_id, run_id, timeout=500)
    logs = airflow.logs(dag_id, run_id)
    assert state == "success", logs[-5000:]
    for member in ("first", "second"):
        result = airflow.result(dag_id, run_id, f"{member}.session.restore")
        assert [one["name"] for one in result["containers"]] == ["own-restore-0"]
        assert f"{member} has snapshot.db" in logs
    return logs


def own_task(cluster):
    """Give the manifests of a Task of one's own, for this cluster."""
    text = (Path(__file__).parent / "own_task.yaml").read_text()
    put = {"NAMESPACE": cluster.namespace, "ETCD_IMAGE": ETCD_IMAGE, "ETCD": cluster.etcd, "IMAGE": IMAGE}
    return re.sub(rf"\b({'|'.join(put)})\b", lambda match: put[match[1]], text)


def jobs_of(cluster, run_id):
    """Name the tasks of a run that have a Job."""
    run = "airflow-provider-stash/run-id"
    return [task_of(one) for one in cluster.jobs() if one.metadata.annotations[run] == run_id]


def task_of(job):
    return job.metadata.annotations["airflow-provider-stash/task-id"]


def wait_for_words(cluster, task, run_id):
    """Wait for a task's Job and its first words."""
    want = {"airflow-provider-stash/task-id": task, "airflow-provider-stash/run-id": run_id}

    def look():
        return next((one for one in cluster.jobs() if want.items() <= one.metadata.annotations.items()), None)

    job = wait_until(look, 300)
    cluster.wait_for_line(WAITS, job.metadata.name)
