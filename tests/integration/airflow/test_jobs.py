"""Jobs by a whole Airflow: scheduler, workers and triggerer. See tests/kubernetes."""

import json
import re
from contextlib import contextmanager

import pytest

from tests.integration.airflow.jobs import OF_BACKUPS, OF_TASK
from tests.kubernetes.jobs.conftest import (
    ETCD_PASSWORD,
    KEYS,
    REPOSITORY_PASSWORD,
    WAITS,
    wait_until,
)

PARTS = ("held", "deferred")


@pytest.fixture(autouse=True)
def _filled():
    """These tests have an etcd of their own."""


@pytest.fixture(scope="module", autouse=True)
def _known(kubernetes, airflow):
    for name in ("backup_held", "backup_deferred", "waits", own_dag(kubernetes), own_restores(kubernetes)):
        airflow.wait_for_dag(name, timeout=300)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.timeout(900)
def test_a_backup(airflow, kubernetes, part):
    run_id = airflow.trigger(f"backup_{part}")
    state = airflow.wait(f"backup_{part}", run_id, timeout=500)
    logs = airflow.logs(f"backup_{part}", run_id)
    assert state == "success", logs[-5000:]
    if part == "held":
        result = airflow.result("backup_held", run_id, "session")
        assert "hello from etcd" in logs
        kubernetes.repository(OF_BACKUPS).cheapen()
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
    kubernetes.wait_clean()


@pytest.mark.timeout(900)
def test_a_task_of_ones_own(airflow, kubernetes):
    data = {"etcd": ETCD_PASSWORD, "RESTIC_PASSWORD": REPOSITORY_PASSWORD}
    secret = {"metadata": {"name": "own"}, "stringData": data}
    kubernetes.core.create_namespaced_secret(kubernetes.namespace, secret)
    dag_id = own_dag(kubernetes)
    run_id = airflow.trigger(dag_id)
    state = airflow.wait(dag_id, run_id, timeout=500)
    logs = airflow.logs(dag_id, run_id)
    assert state == "success", logs[-5000:]
    result = airflow.result(dag_id, run_id, "backup")
    assert [one["name"] for one in result["containers"]] == ["own-dump-0", "own-send-1"]
    status = airflow.result(dag_id, run_id, "status")
    assert [one["paths"] for one in status["snapshots"]] == [["/stash-tmp/data"]]
    assert "[own-send-1] snapshot" in logs
    kubernetes.repository(OF_TASK).cheapen()
    logs += restored(airflow, kubernetes)
    for text in (logs, json.dumps(airflow.xcoms(dag_id, run_id))):
        assert ETCD_PASSWORD not in text
        assert REPOSITORY_PASSWORD not in text
    kubernetes.wait_clean()


@pytest.mark.timeout(900)
def test_ending_a_task_by_hand_ends_its_job(airflow, kubernetes):
    with stopped(airflow.servers[-1]):  # the triggerer
        early = airflow.trigger("waits")
        wait_for_words(kubernetes, "held", early)
        wait_until(lambda: airflow.states("waits", early)["deferred"] == "deferred", 300)
        end(airflow, early)
    wait_until(lambda: not jobs_of(kubernetes, early), 300)
    run_id = airflow.trigger("waits")
    for part in PARTS:
        wait_for_words(kubernetes, part, run_id)
    assert airflow.states("waits", run_id) == {"held": "running", "deferred": "deferred"}
    # A triggerer is at work again: for what was ended before it came to it, it has made no Job.
    assert jobs_of(kubernetes, early) == []
    assert not re.search(r"stash-deferred-\S+ runs the step", airflow.logs("waits", early))
    assert re.search(r"stash-deferred-\S+ runs the step", airflow.logs("waits", run_id))
    # Cleared, it is tried again, by a Job of its own.
    (first,) = (one for one in kubernetes.jobs() if task_of(one) == "deferred")
    clear = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["deferred"], "only_failed": False}
    airflow.post("/dags/waits/clearTaskInstances", clear)
    wait_until(lambda: first.metadata.uid not in {one.metadata.uid for one in kubernetes.jobs()}, 300)
    wait_for_words(kubernetes, "deferred", run_id)
    end(airflow, run_id)
    wait_until(lambda: not kubernetes.jobs(), 300)
    kubernetes.wait_clean()
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


def own_dag(kubernetes):
    return f"stash.{kubernetes.namespace}.backupconfiguration.own"


def own_restores(kubernetes):
    return f"stash.{kubernetes.namespace}.restorebatch.own"


def restored(airflow, kubernetes):
    """Restore what was backed up by the batch, whose members have a Task of one's own; give its logs."""
    dag_id = own_restores(kubernetes)
    run_id = airflow.trigger(dag_id)
    state = airflow.wait(dag_id, run_id, timeout=500)
    logs = airflow.logs(dag_id, run_id)
    assert state == "success", logs[-5000:]
    for member in ("first", "second"):
        result = airflow.result(dag_id, run_id, f"{member}.session.restore")
        assert [one["name"] for one in result["containers"]] == ["own-restore-0"]
        assert f"{member} has snapshot.db" in logs
    return logs


def jobs_of(kubernetes, run_id):
    """Name the tasks of a run that have a Job."""
    run = "airflow-provider-stash/run-id"
    return [task_of(one) for one in kubernetes.jobs() if one.metadata.annotations[run] == run_id]


def task_of(job):
    return job.metadata.annotations["airflow-provider-stash/task-id"]


def wait_for_words(kubernetes, task, run_id):
    """Wait for a task's Job and its first words."""
    want = {"airflow-provider-stash/task-id": task, "airflow-provider-stash/run-id": run_id}

    def look():
        return next(
            (one for one in kubernetes.jobs() if want.items() <= one.metadata.annotations.items()), None
        )

    job = wait_until(look, 300)
    kubernetes.wait_for_line(WAITS, job.metadata.name)
