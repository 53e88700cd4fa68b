"""The snapshot stream of real members: whole, or an error."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd import channel
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.snapshot import copy_snapshot
from testbed.binaries import etcd_dirs
from testbed.etcd_cluster import EtcdCluster
from testbed.tcp_proxy import TcpProxy
from tests.integration.conftest import check_sha256

SIZE = 24 << 20
PING_SECONDS = 6.0


@pytest.fixture(scope="module")
def large(binaries, tmp_path_factory):
    """A member with more data than the buffers on the way hold."""
    with filled(tmp_path_factory.mktemp("large"), binaries) as one:
        yield one


@contextmanager
def filled(directory, binaries):
    with EtcdCluster(directory, size=1, tls=False, password=None, binaries=binaries) as one:
        one.fill(SIZE // (32 << 10), size=32 << 10)
        yield one


@pytest.fixture
def one_large(tmp_path, monkeypatch):
    """The same of the default version alone, for what takes long, with pings as often as etcd allows them."""
    monkeypatch.setattr(channel, "KEEPALIVE_MS", int(PING_SECONDS * 1000))
    with filled(tmp_path / "large", etcd_dirs()[0]) as one:
        yield one


def pid(cluster):
    return int(cluster.members[0].control.with_suffix(".pid").read_text())


class Pausing:
    """A stream's messages; after the first, something happens."""

    def __init__(self, messages, happens):
        self.messages, self.happens = messages, happens

    def __iter__(self):
        for number, message in enumerate(self.messages):
            yield message
            if number == 0:
                self.happens()


def to_file(messages, path):
    with path.open("wb") as file:
        return copy_snapshot(messages, file.fileno())


def test_it_is_what_etcdctl_reads(every_cluster, tmp_path):
    path = tmp_path / "s.db"
    with every_cluster.client() as client:
        copied = to_file(client.snapshot(client.config.endpoints[0]), path)
        revision = client.count_keys().revision
    assert path.stat().st_size == copied.size
    assert check_sha256(path) == copied.sha256
    told = json.loads(every_cluster.ctl("snapshot", "status", str(path), "--write-out", "json"))
    assert told["revision"] == revision
    assert told["totalSize"] in (copied.size, copied.size - 32)


def test_a_member_killed_in_the_middle(large, tmp_path):
    path = tmp_path / "s.db"
    try:
        with large.client() as client, pytest.raises(e.SnapshotStreamError) as error:
            messages = client.snapshot(client.config.endpoints[0])
            to_file(Pausing(messages, lambda: os.kill(pid(large), signal.SIGKILL)), path)
        assert error.value.retryable
        assert "The snapshot stream broke off after" in str(error.value)
        assert "https://" not in str(error.value)  # it was no matter of TLS
        assert path.stat().st_size < SIZE
        with pytest.raises(e.SnapshotCorruptError):
            check_sha256(path)
    finally:
        large.members[0].run(
            "kill"
        )  # waits until it has gone: one that still dies would not be started again
        large.members[0].run("start")
        large.wait_healthy()


def test_a_member_stopped_in_the_middle_ends_its_stream_or_breaks_it(large, tmp_path):
    """SIGTERM lets running requests end; what comes out is whole, or an error."""
    path = tmp_path / "s.db"
    try:
        with large.client() as client:
            messages = client.snapshot(client.config.endpoints[0])
            try:
                to_file(Pausing(messages, lambda: os.kill(pid(large), signal.SIGTERM)), path)
            except e.SnapshotStreamError:
                assert path.stat().st_size < SIZE
            else:
                check_sha256(path)
    finally:
        large.members[0].run("stop")
        large.members[0].run("start")
        large.wait_healthy()


def test_a_member_that_freezes_in_the_middle_is_noticed(one_large, tmp_path):
    process = pid(one_large)
    try:
        with one_large.client() as client, pytest.raises(e.SnapshotStreamError, match="broke off after"):
            messages = client.snapshot(client.config.endpoints[0])
            begin = time.monotonic()
            to_file(Pausing(messages, lambda: os.kill(process, signal.SIGSTOP)), tmp_path / "s.db")
        assert time.monotonic() - begin < 4 * PING_SECONDS
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("spoil", [{"cut_after": 5 << 20}, {"flip_at": 5 << 20}])
def test_a_line_that_spoils_it(large, tmp_path, spoil):
    port = int(large.members[0].client_url.rpartition(":")[2])
    with (
        TcpProxy(port, **spoil) as proxy,
        EtcdClient(large.config(endpoints=f"http://127.0.0.1:{proxy.port}")) as client,
    ):
        with pytest.raises((e.SnapshotStreamError, e.SnapshotCorruptError)) as error:
            to_file(client.snapshot(client.config.endpoints[0]), tmp_path / "s.db")
        assert error.value.retryable


def test_closing_it_early_ends_it_at_the_member(large):
    with large.client() as client:
        for _ in range(5):
            messages = client.snapshot(client.config.endpoints[0])
            next(messages)
            messages.close()
        begin = time.monotonic()
        assert client.count_keys().keys > 0
        assert time.monotonic() - begin < 2
    assert not [thread for thread in threading.enumerate() if thread.name == "etcd-snapshot-writer"]


def test_a_repository_that_stalls_for_long_does_not_break_the_stream(one_large, tmp_path):
    """No ping may be missed while nothing reads the stream."""
    with one_large.client() as client:
        messages = client.snapshot(client.config.endpoints[0])
        stalled = Pausing(messages, lambda: time.sleep(2.5 * PING_SECONDS))
        assert to_file(stalled, tmp_path / "s.db").size > SIZE
