"""Backup and restore by a real Airflow: scheduler, LocalExecutor, REST."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.etcd_cluster import PASSWORD
from testbed.session import REPOSITORY_PASSWORD


@pytest.fixture(autouse=True)
def _filled(cluster):
    cluster.delete("/")
    cluster.fill(1000, size=512)


def failed_with(airflow, dag_id, run_id):
    return airflow.logs(dag_id, run_id)


class SecretWatch(threading.Thread):
    """Looks at every command line of this machine while it runs."""

    def __init__(self, secrets):
        super().__init__(daemon=True)
        self.secrets, self.found, self.over, self.looks = secrets, [], threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = path.read_bytes().decode(errors="replace")
                except OSError:
                    continue
                self.found += [text for secret in self.secrets if secret in text]
            self.looks += 1
            time.sleep(0.02)


def test_backup_then_restore_and_no_secret_anywhere(airflow, cluster, pushgateway):
    before = cluster.all_keys()
    secrets = [PASSWORD, REPOSITORY_PASSWORD]
    watch = SecretWatch(secrets)
    watch.start()
    run_id, state = airflow.run_dag("etcd_backup", {"tags": ["by-hand"], "keep_forever": True})
    assert state == "success", failed_with(airflow, "etcd_backup", run_id)
    backup = airflow.result("etcd_backup", run_id, "backup")
    assert backup["keyCount"] == 1000
    assert {"by-hand", "keep-forever", f"airflow-run=etcd_backup/{run_id}"} <= set(backup["tags"])
    status = airflow.result("etcd_backup", run_id, "status")
    assert status["integrity"] is True
    cluster.delete()
    restore_id, state = airflow.run_dag("etcd_restore", {"snapshot": backup["snapshot"][:8]})
    watch.over.set()
    watch.join()
    assert state == "success", failed_with(airflow, "etcd_restore", restore_id)
    assert cluster.all_keys() == before
    states = airflow.states("etcd_restore", restore_id)
    assert states.pop("roll_back") == "skipped"
    assert set(states.values()) == {"success"}
    assert list((airflow.directory.parent / "work").iterdir()) == []

    assert watch.looks > 10
    assert watch.found == []
    kept = "".join(
        json.dumps([airflow.task_instances(dag_id, one), airflow.xcoms(dag_id, one)])
        + airflow.logs(dag_id, one)
        for dag_id, one in (("etcd_backup", run_id), ("etcd_restore", restore_id))
    )
    assert "Snapshot" in kept
    for secret in secrets:
        assert secret not in kept

    metrics = pushgateway.metrics()
    for name in ("stash_backup_session_success", "stash_appscode_com_restoresession_success"):
        assert [line[-2:] for line in metrics.splitlines() if line.startswith(name + "{")] == [" 1"]


def test_the_assets_event_tells_the_repositorys_status(airflow):
    run_id, state = airflow.run_dag("etcd_backup", {"retention": False})
    assert state == "success", failed_with(airflow, "etcd_backup", run_id)
    assert airflow.states("etcd_backup", run_id)["forget"] == "skipped"
    events = airflow.get("/assets/events?order_by=-timestamp&limit=1")["asset_events"]
    assert events[0]["source_run_id"] == run_id
    assert events[0]["extra"]["snapshotCount"] >= 1
    assert events[0]["extra"]["integrity"] is True


def test_a_dry_run_stops_nothing(airflow, cluster):
    run_id, state = airflow.run_dag("etcd_backup")
    assert state == "success"
    cluster.delete()
    run_id, state = airflow.run_dag("etcd_restore", {"dry_run": True})
    assert state == "success", failed_with(airflow, "etcd_restore", run_id)
    states = airflow.states("etcd_restore", run_id)
    assert {states[one] for one in ("approve", "fill_members", "stop_members", "verify")} == {"skipped"}
    assert "nothing was stopped" in airflow.logs("etcd_restore", run_id)
    assert cluster.all_keys() == {}


@pytest.mark.parametrize("answer", ["Approve", "Reject"])
def test_a_person_is_asked_before_anything_is_stopped(airflow, cluster, answer):
    assert airflow.run_dag("etcd_backup")[1] == "success"
    before = cluster.all_keys()
    cluster.delete()
    run_id = airflow.trigger("etcd_restore", {"approval": True})
    wait_for_state(airflow, "etcd_restore", run_id, "approve", {"awaiting_input", "deferred"})
    time.sleep(6)  # an answer right after the question can fail the task, says Airflow
    path = f"/dags/etcd_restore/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    asked = airflow.get(path)
    assert "Restore etcd cluster testbed_etcd?" in asked["subject"]
    assert "revisions, all that was written in the last" in asked["body"]
    assert cluster.all_keys() == {}
    airflow.patch(path, {"chosen_options": [answer], "params_input": {}})
    assert airflow.wait("etcd_restore", run_id) == "success", airflow.logs("etcd_restore", run_id)
    assert cluster.all_keys() == (before if answer == "Approve" else {})


def test_a_snapshot_that_is_not_there_fails_at_once(airflow):
    run_id, state = airflow.run_dag("etcd_restore", {"snapshot": "abcdef12"})
    assert state == "failed"
    assert "No snapshot fits the id" in airflow.logs("etcd_restore", run_id)
    assert airflow.states("etcd_restore", run_id)["stop_members"] == "upstream_failed"


def test_a_failed_backup_is_a_failed_run_and_is_seen_at_once(airflow, cluster, pushgateway, repository_dir):
    hidden = repository_dir.with_name("hidden")
    config = repository_dir / "config"
    config.rename(hidden)
    (repository_dir / "keys").rename(repository_dir / "keys-away")
    try:
        config.write_bytes(b"x" * 200)
        run_id, state = airflow.run_dag("etcd_backup")
    finally:
        hidden.replace(config)
        (repository_dir / "keys-away").rename(repository_dir / "keys")
    assert state == "failed"
    states = airflow.states("etcd_backup", run_id)
    assert states["init_repository"] == "failed"
    assert states["backup"] == "upstream_failed"
    assert states["push_metrics"] == "success"
    lines = pushgateway.metrics().splitlines()
    assert [line[-2:] for line in lines if line.startswith("stash_backup_session_success{")] == [" 0"]
    assert any(line.startswith("stash_backup_last_success_time_seconds{") for line in lines)


def test_a_member_that_does_not_come_back_is_rolled_back(airflow, cluster):
    run_id, state = airflow.run_dag("etcd_backup")
    assert state == "success"
    cluster.fill(5, prefix="/later/")
    now = cluster.all_keys()
    member = cluster.members[1]
    control = member.control.read_text()
    # The new data is refused at the start: the member's command is broken until the roll-back has begun.
    run_id = airflow.trigger("etcd_restore")
    wait_for_state(airflow, "etcd_restore", run_id, "stop_members", {"running", "success"})
    member.control.write_text(control.replace('"command": [', '"command": ["/no/such/etcd", '))
    wait_for_state(airflow, "etcd_restore", run_id, "start_members", {"failed"})
    member.control.write_text(control)
    assert airflow.wait("etcd_restore", run_id) == "failed"
    assert airflow.states("etcd_restore", run_id)["roll_back"] == "success"
    cluster.wait_healthy()
    assert cluster.all_keys() == now


def wait_for_state(airflow, dag_id, run_id, task_id, wanted, timeout=90):
    deadline = time.monotonic() + timeout
    while airflow.states(dag_id, run_id).get(task_id) not in wanted:
        assert time.monotonic() < deadline, airflow.states(dag_id, run_id)
        time.sleep(0.05)


def test_a_good_restore_that_is_run_again_is_not_undone(airflow, cluster):
    assert airflow.run_dag("etcd_backup")[1] == "success"
    run_id, state = airflow.run_dag("etcd_restore")
    assert state == "success"
    cluster.fill(5, prefix="/since/")
    now = cluster.all_keys()
    airflow.post(f"/dags/etcd_restore/dagRuns/{run_id}/clear", {"dry_run": False})
    assert airflow.wait("etcd_restore", run_id) == "failed"
    assert "trigger a new run" in airflow.logs("etcd_restore", run_id)
    assert cluster.all_keys() == now


def test_a_run_marked_as_failed_by_hand_is_rolled_back(airflow, cluster):
    assert airflow.run_dag("etcd_backup")[1] == "success"
    cluster.fill(5, prefix="/later/")
    now = cluster.all_keys()
    run_id = airflow.trigger("etcd_restore")
    wait_for_state(airflow, "etcd_restore", run_id, "stop_members", {"success"})
    airflow.patch(f"/dags/etcd_restore/dagRuns/{run_id}", {"state": "failed"})
    deadline = time.monotonic() + 90
    while airflow.states("etcd_restore", run_id)["roll_back"] not in {"success", "skipped", "failed"}:
        assert time.monotonic() < deadline, airflow.states("etcd_restore", run_id)
        time.sleep(0.2)
    if airflow.states("etcd_restore", run_id)["roll_back"] == "success":
        assert cluster.all_keys() == now
    else:  # the restore had been verified before the mark came
        assert airflow.states("etcd_restore", run_id)["verify"] == "success"


def test_a_backup_whose_worker_is_killed_leaves_nothing_behind(airflow, cluster, repository_dir):
    assert airflow.run_dag("etcd_backup")[1] == "success"
    repository = Repository(str(repository_dir), REPOSITORY_PASSWORD, no_cache=True)
    before = {one.id for one in list_snapshots(repository)}
    run_id = airflow.trigger("etcd_backup")
    restic = wait_for_restic_backup()
    os.kill(restic["worker"], signal.SIGKILL)
    assert airflow.wait("etcd_backup", run_id) == "failed"
    deadline = time.monotonic() + 20
    while Path(f"/proc/{restic['guard']}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {one.id for one in list_snapshots(repository)} == before
    assert list((repository_dir / "locks").iterdir()) == []


def wait_for_restic_backup():
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if any(word.endswith("guard.py") for word in words) and "backup" in words:
                return {"guard": int(path.parent.name), "worker": parent}
        time.sleep(0.005)
    raise AssertionError("no restic backup was seen")
