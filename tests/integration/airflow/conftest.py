"""A whole Airflow with the DAGs of a real cluster, shared by the tests of this folder."""

import time
from pathlib import Path

import pytest

from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version
from airflow_provider_stash.steps.backup import back_up
from testbed.binaries import newest_etcd, restics
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository
from testbed.session import REPOSITORY_PASSWORD, airflow_for
from testbed.webhook import Webhook
from tests.integration.airflow import jobs
from tests.integration.airflow.local_manifests import local_manifests
from tests.integration.airflow.moving import Moving
from tests.integration.airflow.production import Production
from tests.kubernetes.conftest import kubeconfig  # noqa: F401 - the fixture
from tests.kubernetes.jobs.conftest import Cluster as KubernetesCluster


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
def production(tmp_path_factory):
    directory = tmp_path_factory.mktemp("production")
    with EtcdCluster(directory / "etcd", size=1, tls=False, password=None) as cluster:
        yield Production(cluster, directory)


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    location = str(tmp_path_factory.mktemp("session") / "repository")
    # Before 0.17 restic leaves its lock when it is interrupted in the 0.2 s in which it takes it.
    restic = max(restics(), key=restic_version)
    made = Repository(location, REPOSITORY_PASSWORD, no_cache=True, restic=restic)
    make_repository(made)
    return made


@pytest.fixture(scope="session")
def kubernetes(kubeconfig, tmp_path_factory):  # noqa: F811 - the fixture
    """A namespace of a Kubernetes, in which Jobs run; see tests/kubernetes."""
    with KubernetesCluster.of(kubeconfig, tmp_path_factory.mktemp("kubernetes")) as one:
        yield one


@pytest.fixture(scope="session")
def environment_of_jobs(request, tmp_path_factory):
    """What the DAGs that run Jobs need. Without tests of theirs it is nothing: not every user may start a kubesim."""
    if not any("kubernetes" in item.fixturenames for item in request.session.items):
        return {}
    return jobs.environment(request.getfixturevalue("kubernetes"), tmp_path_factory.mktemp("jobs"))


# Jobs first: in a network namespace of the tests' own it is kubesim that sets up the loopback.
@pytest.fixture(scope="session")
def airflow(
    environment_of_jobs, cluster, repository, pushgateway, hold, webhook, manifests, moving, production
):
    home = airflow_for(
        cluster,
        Path(repository.location).parent,
        location=repository.location,
        restic=repository.restic,
        pushgateway=pushgateway.url,
        etcd_tools=newest_etcd(),
        dags=Path(__file__).parent / "dags",
        env={
            **production.environment(),
            **environment_of_jobs,
            "AIRFLOW__CORE__AUTH_MANAGER": "tests.integration.airflow.auth.WatcherAuthManager",
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
        light=True,
    )
    home.env["AIRFLOW_CONN_AIRFLOW_API"] = production.airflow_api(home)
    with home:
        for dag_id in (
            "etcd_backup",
            "etcd_restore",
            "etcd_backup_patient",
            "backup_refused_after",
            "watchdog",
        ):
            home.wait_for_dag(dag_id)
        yield home


@pytest.fixture
def repository_dir(repository):
    return Path(repository.location)


@pytest.fixture(autouse=True)
def _filled(cluster):
    cluster.delete("/")
    cluster.fill(1000, size=512)


@pytest.fixture
def backed_up(_filled, cluster, repository):
    """A backup by the step itself: the run of a DAG takes seconds, and is not what these tests are about."""
    back_up(cluster.config(), repository, hash_kv=True)


def wait_for_state(airflow, dag_id, run_id, task_id, wanted, timeout=90):
    deadline = time.monotonic() + timeout
    while airflow.states(dag_id, run_id).get(task_id) not in wanted:
        assert time.monotonic() < deadline, airflow.states(dag_id, run_id)
        time.sleep(0.2)
