"""Word of failures, once, and of recovery, by a real Airflow."""

import json
import os
from pathlib import Path

import pytest

from airflow_provider_stash.exceptions import AirflowApiError
from airflow_provider_stash.hooks.airflow_api import AirflowApiHook
from testbed.airflow_home import ADMIN, ADMIN_PASSWORD, VIEWER, VIEWER_PASSWORD, AirflowHome
from testbed.binaries import restics
from testbed.etcd_cluster import EtcdCluster
from testbed.process import wait_until

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), size=1, tls=False, password=None) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    file = tmp_path_factory.mktemp("told") / "told"
    file.touch()

    def lines(state=""):
        return [line for line in file.read_text().splitlines() if line.startswith(state)]

    lines.file = file
    return lines


@pytest.fixture(scope="module")
def airflow(cluster, told, tmp_path_factory):
    directory = tmp_path_factory.mktemp("alerts")
    extra = {"restic_path": restics()[0], "no_cache": True}
    repository = {
        "conn_type": "restic",
        "host": str(directory / "repository"),
        "password": "p",
        "extra": extra,
    }
    home = AirflowHome(
        directory / "airflow",
        DAGS,
        {
            "AIRFLOW_CONN_ETCD_PROD": cluster.connection(),
            "AIRFLOW_CONN_RESTIC_PROD": json.dumps(repository),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "AIRFLOW__SCHEDULER__DEADLINE_CHECK_INTERVAL": "1",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(directory / "lineage"), "append": True}
            ),
            "STASH_TEST_TOLD": str(told.file),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), str(DAGS)]),
        },
    )
    api = {"conn_type": "http", "host": home.url, "login": ADMIN, "password": ADMIN_PASSWORD}
    home.env["AIRFLOW_CONN_AIRFLOW_API"] = json.dumps(api)
    with home:
        for dag_id in ("backup", "forgotten", "watchdog"):
            home.wait_for_dag(dag_id)
        yield home


def look(airflow):
    """Have the watchdog look."""
    run_id, state = airflow.run_dag("watchdog")
    assert state == "success", airflow.logs("watchdog", run_id)
    return airflow.result("watchdog", run_id, "watch")


@pytest.mark.timeout(420)
def test_failures_are_told_once_and_so_is_the_recovery(airflow, cluster, told):
    cluster.kill()
    first, state = airflow.run_dag("backup")
    assert state == "failed"
    wait_until(lambda: told("failed"), "the failure is told", timeout=60)
    assert len(look(airflow)["told"]) == 2
    assert airflow.run_dag("backup")[1] == "failed"
    assert look(airflow)["told"] == []
    cluster.start()
    cluster.wait_healthy()
    cluster.fill(10)
    last, state = airflow.run_dag("backup")
    assert state == "success", airflow.logs("backup", last)
    wait_until(lambda: told("recovered | Backup"), "the recovery is told", timeout=60)
    assert len(look(airflow)["mended"]) == 1

    [failed] = told("failed")
    assert f"Backup of etcd_prod to restic_prod failed in run {first}" in failed
    assert "Failed tasks: wait_for_etcd." in failed
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

    assert len(ask(login=VIEWER, password=VIEWER_PASSWORD)["rows"]) == 2
    with pytest.raises(
        AirflowApiError, match=r"answered 401 to POST /auth/token. Look at the login and pass"
    ) as error:
        ask(password="hunter2")
    assert "hunter2" not in str(error.value)
    with pytest.raises(
        AirflowApiError, match=r"answered 404.*this package installed where the API server runs"
    ):
        ask("/stash/api/nothing")


def test_a_deadline_that_is_missed_calls_back(told, airflow):
    wait_until(lambda: told("deadline"), "the deadline's callback ran", timeout=60)


def test_openlineage_is_told_what_the_backup_read_and_wrote(airflow, cluster):
    run = airflow.get("/dags/backup/dagRuns?order_by=-run_after&limit=1")["dag_runs"][0]
    backup = airflow.result("backup", run["dag_run_id"], "backup")
    file = airflow.directory.parent / "lineage"
    [event] = [
        one
        for one in map(json.loads, file.read_text().splitlines())
        if one["eventType"] == "COMPLETE" and one["job"]["name"] == "backup.backup"
    ]
    [read], [written] = event["inputs"], event["outputs"]
    endpoint = cluster.members[0].client_url.partition("://")[2]
    assert (read["namespace"], read["name"]) == (f"etcd://{endpoint}", "/")
    assert (written["namespace"], written["name"]) == ("file", str(airflow.directory.parent / "repository"))
    assert written["facets"]["version"]["datasetVersion"] == backup["snapshot"]
    assert written["outputFacets"]["outputStatistics"]["size"] == backup["totalSize"]
