"""A whole Airflow with the DAGs of a real cluster, shared by the tests of this folder."""

import time
from pathlib import Path

import pytest

from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version
from testbed.binaries import newest_etcd, restics
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository
from testbed.session import REPOSITORY_PASSWORD, airflow_for
from testbed.webhook import Webhook
from tests.integration.airflow.local_manifests import local_manifests
from tests.integration.airflow.moving import Moving


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=newest_etcd()) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def hold(tmp_path_factory):
    """While this file exists, runs of etcd_backup_patient wait."""
    return tmp_path_factory.mktemp("hold") / "hold"


@pytest.fixture(scope="session")
def webhook():
    """A server such as Slack's."""
    with Webhook() as server:
        yield server


@pytest.fixture(scope="session")
def manifests(cluster, webhook, tmp_path_factory):
    """The manifests of Stash's guide, pointed at this cluster and a local repository; see tests/stash_manifests."""
    return local_manifests(cluster, tmp_path_factory.mktemp("manifests"), webhook)


@pytest.fixture(scope="session")
def moving(cluster, tmp_path_factory):
    """A repository that Stash's own commands made of this cluster, and the manifests of it, as kubectl gives them."""
    return Moving(cluster, tmp_path_factory.mktemp("moving"))


@pytest.fixture(scope="session")
def airflow(cluster, pushgateway, hold, webhook, manifests, moving, tmp_path_factory):
    directory = tmp_path_factory.mktemp("session")
    location = str(directory / "repository")
    # Before 0.17 restic leaves its lock when it is interrupted in the 0.2 s in which it takes it.
    restic = max(restics(), key=restic_version)
    make_repository(Repository(location, REPOSITORY_PASSWORD, no_cache=True, restic=restic))
    home = airflow_for(
        cluster,
        directory,
        location=location,
        restic=restic,
        pushgateway=pushgateway.url,
        etcd_tools=newest_etcd(),
        dags=Path(__file__).parent / "dags",
        env={
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            # A worker that is lost is noticed within seconds, not minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "STASH_TEST_HOLD": str(hold),
            "STASH_TEST_WEBHOOK": str(webhook.server_port),
            "AIRFLOW_CONN_NOWHERE": '{"conn_type": "etcd", "host": "http://127.0.0.1:1"}',
            "STASH_TEST_MANIFESTS": str(manifests),
            "STASH_TEST_MOVING": str(moving.manifests),
        },
    )
    with home:
        home.wait_for_dag("etcd_backup")
        home.wait_for_dag("etcd_restore")
        home.wait_for_dag("etcd_backup_patient")
        home.wait_for_dag("backup_refused_after")
        yield home


@pytest.fixture
def repository_dir(airflow):
    return airflow.directory.parent / "repository"


@pytest.fixture(autouse=True)
def _filled(cluster):
    cluster.delete("/")
    cluster.fill(1000, size=512)


def wait_for_state(airflow, dag_id, run_id, task_id, wanted, timeout=90):
    deadline = time.monotonic() + timeout
    while airflow.states(dag_id, run_id).get(task_id) not in wanted:
        assert time.monotonic() < deadline, airflow.states(dag_id, run_id)
        time.sleep(0.2)
