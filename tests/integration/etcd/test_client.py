"""The client on real clusters of every version: on good days, and when members are gone."""

import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, parse_endpoints
from airflow_provider_stash.etcd.snapshot import copy_snapshot
from testbed.etcd_cluster import EtcdCluster
from testbed.process import free_port, wait_until
from testbed.tcp_proxy import TcpProxy


@pytest.fixture
def client(every_cluster):
    with every_cluster.client() as client:
        yield client


def test_status_health_members_and_alarms(client):
    status = client.status()
    assert sorted(member.name for member in status) == ["m0", "m1", "m2"]
    assert all(member.alive and member.db_size > 0 and not member.is_learner for member in status)
    assert all(0 < member.db_size_in_use <= member.db_size and member.errors == () for member in status)
    assert sum(member.is_leader for member in status) == 1
    assert len({(member.cluster_id, member.version, member.raft_term) for member in status}) == 1
    assert all(one.healthy and one.took < 5 for one in client.health())
    members = sorted(client.members(), key=lambda one: one.name)
    assert [member.name for member in members] == ["m0", "m1", "m2"]
    assert [member.client_urls for member in members] == [(one.url,) for one in client.config.endpoints]
    assert {member.id for member in members} == {member.id for member in status}
    assert client.alarms() == []


def test_one_endpoint_is_enough_to_find_all_members(every_cluster):
    url = every_cluster.members[1].client_url
    with EtcdClient(every_cluster.config(endpoints=url)) as client:
        assert sorted(member.name for member in client.status() if member.alive) == ["m0", "m1", "m2"]


def test_a_member_is_not_taken_for_another_that_answers_at_its_address(every_cluster, monkeypatch):
    """etcd advertises localhost where nothing else is said: there whoever is beside the worker answers."""
    url = every_cluster.members[1].client_url
    with EtcdClient(every_cluster.config(endpoints=url)) as client:
        wrong = [replace(member, client_urls=(url,)) for member in client.members()]
        monkeypatch.setattr(client, "members", lambda: wrong)
        status = {member.name: member for member in client.status()}
    assert [name for name, member in status.items() if member.alive] == ["m1"]
    assert f"{url}, which member m0 advertises, is answered by another" in status["m0"].error


def test_keys_and_hash_are_the_same_on_every_member(every_cluster, client):
    count = client.count_keys()
    assert count.keys == 500
    assert count.revision == every_cluster.revision()
    hashes = {client.hash_kv(endpoint, count.revision).hash for endpoint in client.config.endpoints}
    assert len(hashes) == 1
    assert client.hash_kv(client.config.endpoints[0]).revision == count.revision


def test_an_earlier_revision_is_counted_and_hashed_as_it_was(every_cluster, client):
    before = client.count_keys()
    endpoint = client.config.endpoints[0]
    old = client.hash_kv(endpoint, before.revision)
    every_cluster.fill(50, prefix="/later/")
    assert client.count_keys().keys == before.keys + 50
    assert client.count_keys(before.revision) == before
    assert client.hash_kv(endpoint, before.revision) == old
    assert client.hash_kv(endpoint).hash != old.hash
    every_cluster.delete("/later/")
    with pytest.raises(e.EtcdError, match="future revision"):
        client.count_keys(before.revision + 1000)


@contextmanager
def dead(cluster, *numbers):
    for number in numbers:
        cluster.members[number].run("kill")
    try:
        yield
    finally:
        for number in numbers:
            cluster.members[number].run("start")
        cluster.wait_healthy()


def test_a_dead_member_fails_nothing(every_cluster):
    with dead(every_cluster, 0), every_cluster.client() as client:
        assert client.count_keys().keys == 500
        wait_until(lambda: sum(one.alive for one in client.status()) == 2, "a leader is there")
        status = sorted(client.status(), key=lambda one: one.name)
        assert [member.alive for member in status] == [False, True, True]
        assert [one.healthy for one in client.health()] == [False, True, True]
        assert "connection refused: nothing listens there" in status[0].error
        assert client.alarms() == []


def test_without_a_quorum_it_is_said_who_answers(every_cluster):
    with dead(every_cluster, 0, 1), EtcdClient(replace(every_cluster.config(), timeout=2.0)) as client:
        wait_until(lambda: not client.health()[2].healthy, "the quorum is lost")
        with pytest.raises(e.EtcdUnavailableError, match="lost its quorum") as error:
            client.count_keys()
        assert error.value.retryable
        begin = time.monotonic()
        status = client.status()
        assert time.monotonic() - begin < 6
        assert len(status) == 3
        last = next(one for one in status if one.endpoint == every_cluster.members[2].client_url)
        # From 3.5.30 on a member tells its status to a user alone, and a login needs the quorum.
        assert "no leader" in " ".join(last.errors) if last.alive else "lost its quorum" in last.error


def test_all_members_dead(every_cluster):
    with dead(every_cluster, 0, 1, 2), every_cluster.client() as client:
        with pytest.raises(e.EtcdUnavailableError, match=r"^No etcd endpoint answered\.") as error:
            client.count_keys()
        assert error.value.retryable
        assert all(
            f"{one.client_url}: connection refused" in str(error.value) for one in every_cluster.members
        )
        assert [member.alive for member in client.status()] == [False] * 3


def test_without_a_quorum_one_who_needs_no_login_still_gets_the_data(binaries, tmp_path):
    """A login needs a quorum; a client certificate in root's name needs no login."""
    with EtcdCluster(tmp_path, client_cert_auth=True, binaries=binaries) as cluster:
        cluster.fill(100)
        root = cluster.authority.issue("root")
        config = replace(
            cluster.config(password=None),
            client_cert=root.cert.read_bytes(),
            client_key=root.key.read_bytes(),
            timeout=2.0,
        )
        with EtcdClient(config) as client:
            assert client.count_keys().keys == 100
        for member in cluster.members[:2]:
            member.run("kill")
        with EtcdClient(config) as client, (tmp_path / "s.db").open("wb") as file:
            wait_until(lambda: not client.health()[2].healthy, "the quorum is lost")
            last = config.endpoints[2]
            assert client.status_of(last).errors == ("etcdserver: no leader",)
            with pytest.raises(e.EtcdUnavailableError):
                client.count_keys(endpoint=last)
            assert client.count_keys(endpoint=last, serializable=True).keys == 100
            assert client.hash_kv(last).hash
            assert copy_snapshot(client.snapshot(last), file.fileno()).size > 1000


def test_a_silent_endpoint_costs_one_time_out_and_no_more(every_cluster):
    with TcpProxy(1, silent=True) as silent:
        mute = parse_endpoints(f"https://127.0.0.1:{silent.port},https://localhost:{silent.port}")
        config = every_cluster.config()
        config = replace(config, endpoints=(*mute, *config.endpoints), timeout=1.5)
        with EtcdClient(config) as client:
            begin = time.monotonic()
            assert sum(member.alive for member in client.status()) == 3
            assert [one.healthy for one in client.health()] == [False, False, True, True, True]
            assert time.monotonic() - begin < 4.5
            begin = time.monotonic()
            assert client.count_keys().keys == 500  # those that were silent are asked last now
            assert client.alarms() == []
            assert time.monotonic() - begin < 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stream_from_a_silent_endpoint_ends_with_the_time_out(cluster, scheme):
    with TcpProxy(1, silent=True) as silent:
        config = replace(
            cluster.config(password=None),
            endpoints=(Endpoint(scheme, "127.0.0.1", silent.port),),
            ca_cert=None,
            timeout=1.0,
        )
        with EtcdClient(config) as client:
            begin = time.monotonic()
            with pytest.raises(e.EtcdUnavailableError, match="not answered in time") as error:
                list(client.snapshot(config.endpoints[0]))
            assert time.monotonic() - begin < 4
            assert error.value.retryable


def test_a_database_that_is_full_is_an_alarm_and_can_still_be_read(binaries, tmp_path):
    flags = ["--quota-backend-bytes", str(2 << 20)]
    with EtcdCluster(tmp_path, size=1, tls=False, binaries=binaries, flags=flags) as full:
        with pytest.raises(e.EtcdError, match="database space exceeded"):
            full.fill(1000, size=16 * 1024)
        with full.client() as client, (tmp_path / "s.db").open("wb") as file:
            member = client.members()[0]
            assert [(one.member_id, one.alarm) for one in client.alarms()] == [(member.id, "NOSPACE")]
            assert "NOSPACE" in " ".join(client.status()[0].errors)
            assert client.health()[0].healthy
            keys = client.count_keys().keys
            assert keys > 0
            copied = copy_snapshot(client.snapshot(client.config.endpoints[0]), file.fileno())
            assert copied.size > keys * 16 * 1024


def test_ipv6(binaries, tmp_path):
    cluster = EtcdCluster(tmp_path, size=1, binaries=binaries)
    url, port = cluster.members[0].client_url, free_port()
    cluster.flags = ["--listen-client-urls", f"{url},https://[::1]:{port}"]
    cluster.server_pair = cluster.authority.issue("both", ips=("127.0.0.1", "::1"))
    with cluster, EtcdClient(cluster.config(endpoints=f"https://[::1]:{port}")) as client:
        assert client.health()[0].endpoint == f"https://[::1]:{port}"
        assert client.health()[0].healthy
        assert client.count_keys().keys == 0
        assert urlsplit(client.status()[0].endpoint).hostname == "::1"
        with EtcdClient(replace(client.config, ca_cert=None, insecure_skip_verify=True)) as trusting:
            assert trusting.count_keys().keys == 0
