"""Bad days, by a real Airflow: what fails, what is killed, what is lost; the old data comes back by itself."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.process import command_lines
from tests.integration.airflow.conftest import wait_for_state


def test_a_failed_backup_is_a_failed_run_and_is_seen_at_once(airflow, cluster, pushgateway, repository_dir):
    assert airflow.run_dag("etcd_backup")[1] == "success"
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
    assert states["backup"] == "failed"
    assert states["check"] == "upstream_failed"
    assert states["push_metrics"] == "success"
    lines = pushgateway.metrics().splitlines()
    assert [line[-2:] for line in lines if line.startswith("stash_backup_session_success{")] == [" 0"]
    assert any(line.startswith("stash_backup_last_success_time_seconds{") for line in lines)


def test_a_member_that_does_not_come_back_is_rolled_back(airflow, cluster, backed_up):
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


def test_a_run_marked_as_failed_by_hand_is_rolled_back(airflow, cluster, backed_up):
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


def test_a_backup_whose_worker_is_killed_leaves_nothing_behind(
    airflow, backed_up, repository, repository_dir
):
    before = {one.id for one in list_snapshots(repository)}
    run_id = airflow.trigger("etcd_backup")
    restic = wait_for_restic_backup(repository_dir)
    os.kill(restic["worker"], signal.SIGKILL)
    assert airflow.wait("etcd_backup", run_id) == "failed"
    deadline = time.monotonic() + 20
    while Path(f"/proc/{restic['guard']}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {one.id for one in list_snapshots(repository)} == before
    assert list((repository_dir / "locks").iterdir()) == []


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for_restic_backup(repository_dir):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid, words in command_lines():
            try:
                environment = Path(f"/proc/{pid}/environ").read_text(errors="replace")
                parent = parent_of(pid)
            except OSError:
                continue
            if f"RESTIC_REPOSITORY={repository_dir}" not in environment.split("\0"):
                continue  # of another test, side by side
            if any(word.endswith("guard.py") for word in words) and "backup" in words:
                return {"guard": pid, "worker": parent}
        time.sleep(0.005)
    raise AssertionError("no restic backup was seen")


def processes_of(airflow, dag_id, run_id, task_id):
    """The process of a running task, and the worker that supervises it."""
    (one,) = (one for one in airflow.task_instances(dag_id, run_id) if one["task_id"] == task_id)
    title = f"airflow worker -- {one['id']}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid, words in command_lines():
            if words == [title]:
                with contextlib.suppress(OSError):
                    return pid, parent_of(pid)
        time.sleep(0.01)
    raise AssertionError(airflow.states(dag_id, run_id))


@pytest.mark.parametrize("task_id", ["fetch_snapshot", "stop_members", "start_members", "verify"])
def test_a_restore_task_that_is_killed_outright(airflow, cluster, backed_up, task_id):
    cluster.fill(5, prefix="/later/")
    now = cluster.all_keys()
    run_id = airflow.trigger("etcd_restore")
    process, _ = processes_of(airflow, "etcd_restore", run_id, task_id)
    os.kill(process, signal.SIGKILL)
    assert airflow.wait("etcd_restore", run_id) == "failed"
    states = airflow.states("etcd_restore", run_id)
    assert (states[task_id], states["roll_back"], states["clean_up"]) == ("failed", "success", "success")
    cluster.wait_healthy()
    assert cluster.all_keys() == now
    assert list((airflow.directory.parent / "work").iterdir()) == []


def test_a_worker_that_is_lost_in_the_middle_of_a_restore(airflow, cluster, backed_up):
    """Task and supervisor are gone at once, as with their host; only the missing heartbeat tells."""
    cluster.fill(5, prefix="/later/")
    now = cluster.all_keys()
    run_id = airflow.trigger("etcd_restore")
    process, worker = processes_of(airflow, "etcd_restore", run_id, "start_members")
    os.kill(worker, signal.SIGKILL)
    os.kill(process, signal.SIGKILL)
    assert airflow.wait("etcd_restore", run_id) == "failed"
    assert airflow.states("etcd_restore", run_id)["roll_back"] == "success"
    cluster.wait_healthy()
    assert cluster.all_keys() == now
