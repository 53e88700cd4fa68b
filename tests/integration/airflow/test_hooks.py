"""Hooks around backups by a real Airflow, to a real server: Stash's guide to Slack notifications."""

import json

import pytest

pytestmark = pytest.mark.timeout(300)


def told(webhook, path):
    return [asked for asked in webhook.asked if asked.path == path]


def message(asked):
    (block,) = json.loads(asked.body)["blocks"]
    assert block["type"] == "section"
    assert block["text"]["type"] == "mrkdwn"
    return block["text"]["text"]


def test_a_success_is_told_as_the_guide_promises(airflow, webhook):
    run_id, state = airflow.run_dag("backup_told")
    assert state == "success", airflow.logs("backup_told", run_id)
    (asked,) = told(webhook, "/services/good/tell")
    assert message(asked) == "Backup completed for demo/etcd Status: Succeeded."
    assert (asked.method, asked.headers["Content-Type"]) == ("POST", "application/json")
    assert [one.body for one in told(webhook, "/services/good/before")] == [run_id]
    states = airflow.states("backup_told", run_id)
    assert {states[one] for one in ("tell_failure", "tell_final", "of_another_kind")} == {"skipped"}
    assert told(webhook, "/services/good/failure") == told(webhook, "/services/good/final") == []
    result = airflow.result("backup_told", run_id, "tell")
    assert result["phase"] == "Succeeded"
    assert result["actions"][0]["status"] == 200
    assert "/services/" not in airflow.logs("backup_told", run_id) + json.dumps(
        airflow.xcoms("backup_told", run_id)
    )


def test_a_failure_is_told_with_its_reason_when_the_last_retry_has_failed(airflow, webhook):
    run_id, state = airflow.run_dag("backup_failed_told")
    assert state == "failed"
    (asked,) = told(webhook, "/services/bad/failure")
    assert message(asked) == (
        ":x: Backup failed for demo/etcd Reason: etcd did not answer within 1 s. http://127.0.0.1:1: connection refused: "
        "nothing listens there. Is the member running?."
    )
    (asked,) = told(webhook, "/services/bad/tell")
    assert message(asked) == "Backup completed for demo/etcd Status: Failed."
    assert [one.body for one in told(webhook, "/services/bad/final")] == ["0 BackupConfiguration/etcd-backup"]
    tries = {
        one["task_id"]: one["try_number"] for one in airflow.task_instances("backup_failed_told", run_id)
    }
    assert tries["backup"] == 2
    assert airflow.states("backup_failed_told", run_id)["of_another_kind"] == "success"


def test_after_a_hook_before_that_failed_nothing_runs(airflow, webhook):
    run_id, state = airflow.run_dag("backup_refused_before")
    assert state == "failed"
    states = airflow.states("backup_refused_before", run_id)
    assert (states["before"], states["backup"]) == ("failed", "upstream_failed")
    assert {states[one] for one in ("tell", "tell_failure", "tell_final", "of_another_kind")} == {"skipped"}
    assert [asked for asked in webhook.asked if asked.path.startswith("/services/never")] == []
    assert "answered 500: payload" in airflow.logs("backup_refused_before", run_id)


def test_a_hook_after_that_fails_fails_the_session(airflow):
    run_id, state = airflow.run_dag("backup_refused_after")
    assert state == "failed"
    states = airflow.states("backup_refused_after", run_id)
    assert (states["backup"], states["outcome"], states["after"]) == ("success", "success", "failed")
