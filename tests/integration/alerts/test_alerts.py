"""Word of failures, once, and of recovery, by a real Airflow."""

import json
import os
from pathlib import Path

import pytest

from testbed.airflow_home import ADMIN, ADMIN_PASSWORD, AirflowHome
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
        home.wait_for_dag("backup")
        yield home


def test_a_failure_is_told_once_and_so_is_the_recovery(airflow, cluster, told):
    cluster.kill()
    first, state = airflow.run_dag("backup")
    assert state == "failed"
    wait_until(lambda: told("failed"), "the failure is told", timeout=60)
    assert airflow.run_dag("backup")[1] == "failed"
    cluster.start()
    cluster.wait_healthy()
    cluster.fill(10)
    last, state = airflow.run_dag("backup")
    assert state == "success", airflow.logs("backup", last)
    wait_until(lambda: told("recovered"), "the recovery is told", timeout=60)
    [failed] = told("failed")
    [recovered] = told("recovered")
    assert f"Backup of etcd_prod to restic_prod failed in run {first}" in failed
    assert "Failed tasks: wait_for_etcd." in failed
    assert f"run {last} of DAG backup succeeded. It had failed since run {first}." in recovered
    assert airflow.get("/variables")["total_entries"] == 0


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
