"""Real servers, shared where sharing is safe. One that is missing fails the tests."""

import pytest

from airflow_provider_stash.etcd.snapshot_file import SnapshotHasher
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version
from testbed.binaries import newest_etcd, restics
from testbed.etcd_cluster import EtcdCluster
from testbed.servers import PushgatewayServer, RestServer, S3Server

EDGE_RESTICS = sorted({pick(restics(), key=restic_version) for pick in (min, max)})


def restic_id(path):
    return f"restic-{restic_version(path)}"


def check_sha256(path):
    hasher = SnapshotHasher()
    hasher.update(path.read_bytes())
    return hasher.finish()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three members with TLS and a password, of the newest etcd there is."""
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=newest_etcd()) as cluster:
        yield cluster


@pytest.fixture(params=restics(), ids=restic_id)
def restic(request):
    """A restic of every version."""
    return request.param


@pytest.fixture(params=EDGE_RESTICS, ids=restic_id)
def edge_restic(request):
    """The oldest and the newest: restic's words and exit codes are the one's or the other's. For what takes long to make."""
    return request.param


@pytest.fixture
def repository(tmp_path):
    """A repository on local disk that is yet to be made."""
    return Repository(
        str(tmp_path / "repository"), "test-repository-password", no_cache=True, restic=restics()[0]
    )


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def rest(tmp_path_factory):
    with RestServer(tmp_path_factory.mktemp("rest")) as server:
        yield server


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory):
    with PushgatewayServer(tmp_path_factory.mktemp("pushgateway")) as server:
        yield server
