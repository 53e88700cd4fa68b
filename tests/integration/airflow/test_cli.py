"""``airflow stash`` beside a running Airflow: sessions, and what they tell."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import check_sha256


@pytest.mark.timeout(900)
def test_sessions_from_the_command_line(airflow, tmp_path):
    file = tmp_path / "snapshot.db"
    results = airflow.call_all(
        "stash resume etcd_backup etcd_restore -o json",
        "stash trigger etcd_backup -p keep_forever=true -p 'tags=[\"by-hand\"]' --wait -o json",
        "stash status -o json",
        f"stash snapshots download testbed_repository latest --destination {file} -o json",
        "stash trigger etcd_restore",
        "stash trigger etcd_restore -p snapshot=dead0000 -p confirm=testbed_etcd --wait --yes -o json",
        "stash debug etcd_restore -o json",
        "stash trigger etcd_restore -p dry_run=perhaps --yes",
        "stash pause etcd_backup -o json",
    )
    assert [code for code, _, _ in results] == [0, 0, 0, 0, 3, 1, 0, 1, 0], results
    outputs = [json.loads(out) if out else None for _, out, _ in results]
    _, (triggered,), status, (downloaded,), _, (failed,), (debugged,), _, (paused,) = outputs

    assert triggered["state"] == "success"
    assert "backup: success" in results[1][2]
    backup = airflow.result("etcd_backup", triggered["run"], "backup")
    assert {"by-hand", "keep-forever"} <= set(backup["tags"])
    told = next(one for one in status if one["connection"] == "testbed_repository")
    assert told["integrity"] is True
    assert (
        told["lastBackupTime"] == airflow.result("etcd_backup", triggered["run"], "status")["lastBackupTime"]
    )
    assert downloaded["sha256"] == backup["sha256"] == check_sha256(Path(file))
    assert file.stat().st_mode & 0o777 == 0o600

    assert failed["state"] == "failed"
    assert debugged["run"] == failed["run"]
    task = next(one for one in debugged["tasks"] if one["task"] == "resolve_snapshot")
    assert task["state"] == "failed"
    assert any("No snapshot fits the id 'dead0000'" in line for line in task["log"])
    assert "does not take that" in results[7][2]
    assert paused == {"dag": "etcd_backup", "paused": True, "before": False}
    assert airflow.get("/dags/etcd_backup")["is_paused"] is True
    airflow.patch("/dags/etcd_backup", {"is_paused": False})
