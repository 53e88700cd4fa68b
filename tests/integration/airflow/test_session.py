"""Backup and restore by a real Airflow: scheduler, LocalExecutor, REST."""

import json
import threading
import time
import urllib.error
from urllib.parse import quote

import pytest

from testbed.airflow_api import VIEWER
from testbed.etcd_access import PASSWORD
from testbed.process import command_lines
from testbed.session import REPOSITORY_PASSWORD
from tests.integration.airflow.conftest import wait_for_state


def failed_with(airflow, dag_id, run_id):
    return airflow.logs(dag_id, run_id)


class SecretWatch(threading.Thread):
    """Looks at every command line of this machine while it runs."""

    def __init__(self, secrets):
        super().__init__(daemon=True)
        self.secrets, self.found, self.over, self.looks = secrets, [], threading.Event(), 0

    def run(self):
        while not self.over.is_set():
            for _, words in command_lines():
                text = " ".join(words)
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

    assert airflow.links("etcd_backup", run_id, "backup") == {
        "Repository": "/plugin/backups/stash/repository?dag_id=etcd_backup&task_id=backup",
        "Snapshot": f"/plugin/backups/stash/repository?dag_id=etcd_backup&task_id=backup&snapshot={backup['snapshot']}",
    }
    assert airflow.links("etcd_backup", run_id, "push_metrics") == {"Metrics": pushgateway.url}
    made_by = airflow.links("etcd_restore", restore_id, "resolve_snapshot")["Backup run"]
    assert made_by == f"/dags/etcd_backup/runs/{quote(run_id, safe='')}"

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


def test_a_dry_run_stops_nothing(airflow, cluster, backed_up):
    cluster.delete()
    run_id, state = airflow.run_dag("etcd_restore", {"dry_run": True})
    assert state == "success", failed_with(airflow, "etcd_restore", run_id)
    states = airflow.states("etcd_restore", run_id)
    assert {states[one] for one in ("approve", "fill_members", "stop_members", "verify")} == {"skipped"}
    assert "nothing was stopped" in airflow.logs("etcd_restore", run_id)
    assert cluster.all_keys() == {}


@pytest.mark.parametrize("answer", ["Approve", "Reject"])
def test_a_person_is_asked_before_anything_is_stopped(airflow, cluster, backed_up, answer):
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


def test_a_restore_that_names_no_cluster_or_another_does_nothing(airflow, cluster):
    before = cluster.all_keys()
    with pytest.raises(urllib.error.HTTPError, match="confirm"):
        airflow.trigger("etcd_restore", {"confirm": "another_etcd"})
    run_id, state = airflow.run_dag("etcd_restore", {"confirm": None})
    assert state == "failed"
    assert "The restore was not confirmed: type testbed_etcd" in airflow.logs("etcd_restore", run_id)
    states = airflow.states("etcd_restore", run_id)
    assert (states["resolve_snapshot"], states["stop_members"]) == ("failed", "upstream_failed")
    assert cluster.all_keys() == before


def test_a_snapshot_that_is_not_there_fails_at_once(airflow):
    run_id, state = airflow.run_dag("etcd_restore", {"snapshot": "abcdef12"})
    assert state == "failed"
    assert "No snapshot fits the id" in airflow.logs("etcd_restore", run_id)
    assert airflow.states("etcd_restore", run_id)["stop_members"] == "upstream_failed"


def test_a_good_restore_that_is_run_again_is_not_undone(airflow, cluster, backed_up):
    run_id, state = airflow.run_dag("etcd_restore")
    assert state == "success"
    cluster.fill(5, prefix="/since/")
    now = cluster.all_keys()
    airflow.post(f"/dags/etcd_restore/dagRuns/{run_id}/clear", {"dry_run": False})
    assert airflow.wait("etcd_restore", run_id) == "failed"
    assert "trigger a new run" in airflow.logs("etcd_restore", run_id)
    assert cluster.all_keys() == now


def test_a_run_waits_in_the_triggerer_and_the_next_one_is_skipped(airflow, cluster, hold):
    airflow.post("/pools", {"name": "one_repository", "slots": 1})
    cluster.kill()
    hold.touch()
    try:
        run_id = airflow.trigger("etcd_backup_patient")
        wait_for_state(airflow, "etcd_backup_patient", run_id, "wait_for_etcd", {"deferred"})
        cluster.start()
        cluster.wait_healthy()
        wait_for_state(airflow, "etcd_backup_patient", run_id, "wait_for_etcd", {"success"})
        wait_for_state(airflow, "etcd_backup_patient", run_id, "hold", {"running"})
        late, state = airflow.run_dag("etcd_backup_patient")
        states = airflow.states("etcd_backup_patient", late)
        assert states.pop("skip_if_running") == "success"
        assert set(states.values()) == {"skipped"}
        assert state == "success"
        assert "this one is skipped" in airflow.logs("etcd_backup_patient", late)
    finally:
        hold.unlink()
    assert airflow.wait("etcd_backup_patient", run_id) == "success"
    of_pool = {
        one["task_id"]
        for one in airflow.task_instances("etcd_backup_patient", run_id)
        if one["pool"] == "one_repository"
    }
    assert of_pool == {"init_repository", "backup", "check"}


def test_both_forms_and_the_test_button(airflow, cluster):
    forms = {one["connection_type"]: one for one in airflow.ui("/connections/hook_meta")}
    for kind, labels in (
        ("etcd", {"CA certificate", "Client certificate", "Client private key", "Skip verification"}),
        ("restic", {"Storage credentials", "AWS connection", "Cache directory"}),
    ):
        fields = forms[kind]["extra_fields"]
        shown = {field["schema"].get("title") for field in fields.values()}
        assert labels <= shown, shown
        assert all(field["description"] or field["schema"].get("description") for field in fields.values())
    asked = json.loads(cluster.connection())
    connection = {
        "connection_id": "tried",
        "conn_type": "etcd",
        "host": asked["host"],
        "login": asked["login"],
        "password": asked["password"],
        "extra": json.dumps(asked["extra"]),
    }
    answer = airflow.post("/connections/test", connection)
    assert answer["status"] is True
    assert "3 of 3 members answer" in answer["message"]
    answer = airflow.post("/connections/test", {**connection, "password": "hunter2"})
    assert answer["status"] is False
    assert "hunter2" not in answer["message"]


def test_a_viewer_sees_a_dag_and_may_not_trigger_it(airflow):
    assert airflow.get("/dags/etcd_backup", user=VIEWER)["dag_id"] == "etcd_backup"
    with pytest.raises(urllib.error.HTTPError) as refused:
        airflow.post("/dags/etcd_backup/dagRuns", {"logical_date": None}, user=VIEWER)
    assert refused.value.code == 403
