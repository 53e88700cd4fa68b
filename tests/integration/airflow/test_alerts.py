"""Word of failures, once, and of recovery, by a real Airflow."""

import json

import pytest

from airflow_provider_stash.exceptions import AirflowApiError
from airflow_provider_stash.hooks.airflow_api import AirflowApiHook
from testbed.process import wait_until


def look(airflow):
    """Have the watchdog look."""
    run_id, state = airflow.run_dag("watchdog")
    assert state == "success", airflow.logs("watchdog", run_id)
    return airflow.result("watchdog", run_id, "watch")


@pytest.mark.timeout(420)
def test_failures_are_told_once_and_so_is_the_recovery(airflow, production):
    cluster, told = production.cluster, production.told
    cluster.kill()
    first, state = airflow.run_dag("backup")
    assert state == "failed"
    wait_until(lambda: told("failed"), "the failure is told", timeout=180)
    assert len(look(airflow)["told"]) == 2
    assert airflow.run_dag("backup")[1] == "failed"
    assert look(airflow)["told"] == []
    cluster.start()
    cluster.wait_healthy()
    cluster.fill(10)
    last, state = airflow.run_dag("backup")
    assert state == "success", airflow.logs("backup", last)
    wait_until(lambda: told("recovered | Backup"), "the recovery is told", timeout=180)
    assert len(look(airflow)["mended"]) == 1

    [failed] = told("failed")
    assert f"Backup of etcd_prod to restic_prod failed in run {first}" in failed
    assert "Failed tasks: backup." in failed
    [recovered] = told("recovered | Backup")
    assert f"run {last} of DAG backup succeeded. It had failed since run {first}." in recovered
    [unprotected] = told("unprotected")
    assert "2 etcd backups not as wanted" in unprotected
    assert (
        "etcd_prod to restic_prod (DAG backup): failing. The last backup failed; there is no good one."
        in unprotected
    )
    assert "etcd_prod to restic_prod (DAG forgotten): paused." in unprotected
    assert len(told("recovered | 1 good again")) == 1
    # What is still wrong is still known to have been told.
    variables = airflow.get("/variables")["variables"]
    assert [one["key"] for one in variables] == ["stash_told_watchdog.watch"]
    assert "forgotten" in variables[0]["value"]


def test_a_watchdog_that_may_not_look_says_why(airflow, monkeypatch):
    def ask(path="/stash/api/overview", **given):
        api = {**json.loads(airflow.env["AIRFLOW_CONN_AIRFLOW_API"]), **given}
        monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(api))
        return AirflowApiHook().get(path)

    assert len(ask()["rows"]) == 2
    with pytest.raises(
        AirflowApiError, match=r"answered 401 to POST /auth/token. Look at the login and pass"
    ) as error:
        ask(password="hunter2")
    assert "hunter2" not in str(error.value)
    with pytest.raises(
        AirflowApiError, match=r"answered 404.*this package installed where the API server runs"
    ):
        ask("/stash/api/nothing")


def test_a_deadline_that_is_missed_calls_back(production, airflow):
    wait_until(lambda: production.told("deadline"), "the deadline's callback ran", timeout=180)


def test_openlineage_is_told_what_the_backup_read_and_wrote(airflow, production):
    run = airflow.get("/dags/backup/dagRuns?order_by=-run_after&limit=1")["dag_runs"][0]
    backup = airflow.result("backup", run["dag_run_id"], "backup")
    [event] = [
        one
        for one in map(json.loads, production.lineage.read_text().splitlines())
        if one["eventType"] == "COMPLETE" and one["job"]["name"] == "backup.backup"
    ]
    [read], [written] = event["inputs"], event["outputs"]
    endpoint = production.cluster.members[0].client_url.partition("://")[2]
    assert (read["namespace"], read["name"]) == (f"etcd://{endpoint}", "/")
    assert (written["namespace"], written["name"]) == ("file", str(production.repository))
    assert written["facets"]["version"]["datasetVersion"] == backup["snapshot"]
    assert written["outputFacets"]["outputStatistics"]["size"] == backup["totalSize"]
