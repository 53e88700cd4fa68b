"""The client on real clusters: who answers, who doesn't, and what is said then."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import parse_endpoints
from airflow_provider_stash.etcd.snapshot import copy_snapshot
from testbed.binaries import etcd_dirs
from testbed.certificates import Authority
from testbed.etcd_cluster import EtcdCluster
from testbed.process import wait_until
from testbed.tcp_proxy import TcpProxy


@pytest.fixture(scope="module", params=etcd_dirs(), ids=lambda path: Path(path).name)
def every_cluster(request, tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=request.param) as cluster:
        cluster.fill(500)
        yield cluster


@pytest.fixture
def client(every_cluster):
    with EtcdClient(every_cluster.config()) as client:
        yield client


def test_status_health_members_and_alarms(client):
    status = client.status()
    assert sorted(member.name for member in status) == ["m0", "m1", "m2"]
    assert all(member.alive and member.db_size > 0 and not member.is_learner for member in status)
    assert sum(member.is_leader for member in status) == 1
    assert len({member.cluster_id for member in status}) == 1
    assert all(one.healthy for one in client.health())
    assert [member.name for member in sorted(client.members(), key=lambda one: one.name)] == ["m0", "m1", "m2"]
    assert client.alarms() == []


def test_keys_and_hash_are_the_same_on_every_member(client):
    count = client.count_keys()
    assert count.keys == 500
    hashes = {client.hash_kv(endpoint, count.revision).hash for endpoint in client.config.endpoints}
    assert len(hashes) == 1


def test_the_snapshot_is_what_etcdctl_reads(every_cluster, client, tmp_path):
    path = tmp_path / "s.db"
    with path.open("wb") as file:
        copied = copy_snapshot(client.snapshot(client.config.endpoints[0]), file.fileno())
    assert path.stat().st_size == copied.size
    told = json.loads(every_cluster.ctl("snapshot", "status", str(path), "--write-out", "json"))
    assert told["revision"] == client.count_keys().revision


def test_a_dead_member_fails_nothing(every_cluster):
    every_cluster.members[0].run("kill")
    try:
        with EtcdClient(every_cluster.config()) as client:
            assert client.count_keys().keys == 500
            assert [member.alive for member in sorted(client.status(), key=lambda one: one.name)] == [False, True, True]
            assert [one.healthy for one in client.health()] == [False, True, True]
    finally:
        every_cluster.members[0].run("start")
        every_cluster.wait_healthy()


def test_without_a_quorum_a_member_still_tells_its_own(every_cluster, tmp_path):
    for member in every_cluster.members[:2]:
        member.run("kill")
    try:
        wait_until(lambda: not quorum(every_cluster), "the quorum is lost")
        with EtcdClient(every_cluster.config()) as client:
            last = client.config.endpoints[2]
            assert client.status_of(last).alive
            assert client.count_keys(endpoint=last, serializable=True).keys == 500
    finally:
        for member in every_cluster.members[:2]:
            member.run("start")
        every_cluster.wait_healthy()


def quorum(cluster):
    with EtcdClient(cluster.config()) as client:
        return client.health([client.config.endpoints[2]])[0].healthy


# --- what is said ---------------------------------------------------------------------------------


def failure(config):
    with pytest.raises(e.EtcdError) as error, EtcdClient(config) as client:
        client.count_keys()
    return error.value


def test_nobody_answers(cluster):
    config = cluster.config(endpoints="https://127.0.0.1:1,https://127.0.0.1:2")
    error = failure(config)
    assert isinstance(error, e.EtcdUnavailableError)
    assert error.retryable
    assert "https://127.0.0.1:1: connection refused" in str(error)
    assert "https://127.0.0.1:2: connection refused" in str(error)


def test_somebody_who_never_answers_takes_no_longer_than_the_time_out(cluster):
    with TcpProxy(1, silent=True) as proxy:
        begin = time.monotonic()
        error = failure(replace(cluster.config(endpoints=f"https://127.0.0.1:{proxy.port}"), timeout=1.0))
        assert time.monotonic() - begin < 5
        assert isinstance(error, e.EtcdUnavailableError)


def test_a_wrong_password_is_not_repeated(cluster):
    error = failure(cluster.config(password="hunter2"))
    assert isinstance(error, e.EtcdAuthenticationError)
    assert not error.retryable
    assert "does not accept user 'root'" in str(error)
    assert "hunter2" not in str(error)


def test_no_password_where_one_is_needed(cluster):
    error = failure(cluster.config(password=None))
    assert isinstance(error, e.EtcdAuthenticationError)
    assert "authentication on, and no user was given" in str(error)


def test_a_wrong_ca(cluster, tmp_path):
    other = Authority(tmp_path, "other").cert.read_bytes()
    error = failure(replace(cluster.config(), ca_cert=other))
    assert isinstance(error, e.EtcdTLSError)
    assert not error.retryable
    assert "not signed by the CA given" in str(error)


def test_a_name_that_is_not_in_the_certificate(cluster):
    port = cluster.members[0].client_url.rpartition(":")[2]
    error = failure(cluster.config(endpoints=f"https://127.0.0.2:{port}"))
    assert isinstance(error, e.EtcdUnavailableError)


def test_http_where_https_is_served(cluster):
    url = cluster.members[0].client_url.replace("https", "http")
    error = failure(replace(cluster.config(), endpoints=parse_endpoints(url), ca_cert=None))
    assert "https://" in str(error)


def test_verification_can_be_skipped(cluster):
    with EtcdClient(replace(cluster.config(), ca_cert=None, insecure_skip_verify=True)) as client:
        assert client.count_keys().revision > 0


def test_a_user_without_the_root_role(cluster):
    cluster.ctl("user", "add", "reader:reader-password")
    with EtcdClient(replace(cluster.config(), user="reader", password="reader-password")) as client:
        with pytest.raises(e.EtcdPermissionError, match="etcdctl user grant-role reader root"):
            client.count_keys()
        with pytest.raises(e.EtcdPermissionError, match="root role"):
            list(client.snapshot(client.config.endpoints[0]))


def test_a_token_that_is_no_longer_known_is_renewed(cluster):
    with EtcdClient(cluster.config()) as client:
        client.count_keys()
        client._transport._tokens = dict.fromkeys(client._transport._tokens, "stale.1")
        assert client.count_keys().revision > 0


def test_client_certificates(tmp_path):
    with EtcdCluster(tmp_path, size=1, password=None, client_cert_auth=True, binaries=etcd_dirs()[0]) as one:
        with EtcdClient(one.config()) as client:
            assert client.count_keys().keys == 0
        error = failure(replace(one.config(), client_cert=None, client_key=None))
        assert isinstance(error, e.EtcdUnavailableError)


def test_a_password_that_is_not_asked_for_does_no_harm(tmp_path):
    with EtcdCluster(tmp_path, size=1, tls=False, password=None, binaries=etcd_dirs()[0]) as one:
        with EtcdClient(one.config(password="unused")) as client:
            assert client.count_keys().keys == 0
