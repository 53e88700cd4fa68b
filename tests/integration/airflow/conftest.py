"""A whole Airflow with the DAGs of a real cluster, shared by the tests of this folder."""

import pytest

from testbed.binaries import restics
from testbed.etcd_cluster import EtcdCluster
from testbed.session import airflow_for
from tests.integration.conftest import newest_etcd


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=newest_etcd()) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def airflow(cluster, pushgateway, tmp_path_factory):
    directory = tmp_path_factory.mktemp("session")
    home = airflow_for(
        cluster,
        directory,
        location=str(directory / "repository"),
        restic=restics()[0],
        pushgateway=pushgateway.url,
        etcd_tools=newest_etcd(),
        env={"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1"},
    )
    with home:
        home.wait_for_dag("etcd_backup")
        home.wait_for_dag("etcd_restore")
        yield home


@pytest.fixture
def repository_dir(airflow):
    return airflow.directory.parent / "repository"
