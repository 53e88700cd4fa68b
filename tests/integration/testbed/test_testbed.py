"""The other integration tests rest on these servers: they start, refuse, break and end as they should."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from airflow_provider_stash.etcd.tools import find_tool
from testbed.binaries import etcd_dirs, restics
from testbed.certificates import Authority
from testbed.etcd_cluster import EtcdCluster
from testbed.memberctl import alive
from testbed.process import free_port, wait_until
from testbed.servers import PushgatewayServer, RestServer, S3Server
from testbed.tcp_proxy import TcpProxy

ROOT = Path(__file__).resolve().parents[3]


def pid_of(member):
    return int(member.control.with_suffix(".pid").read_text())


@pytest.mark.parametrize("directory", etcd_dirs(), ids=lambda path: Path(path).name)
def test_every_etcd_forms_a_cluster_with_tls_password_and_client_certificates(tmp_path, directory):
    with EtcdCluster(tmp_path, binaries=directory, client_cert_auth=True) as cluster:
        cluster.fill(250, size=200)
        assert len(cluster.all_keys()) == 250
        with cluster.client() as client:
            assert {one.version for one in client.status()} == {find_tool(directory).version_text}
        with pytest.raises(RuntimeError, match="permission denied|user name is empty"):
            cluster.ctl("get", "/key/", password=None)


def test_a_member_can_be_killed_and_started_again_by_commands_alone(tmp_path):
    with EtcdCluster(tmp_path, size=1) as cluster:
        (member,) = cluster.members
        first = pid_of(member)
        member.run("start")
        assert pid_of(member) == first, "it runs already: nothing is started"
        member.run("kill")
        assert not alive(first)
        member.run("stop")
        # From anywhere, with nothing of ours in the environment: as systemd or a task would.
        subprocess.run(member.command("start"), cwd="/", env={}, check=True)
        cluster.wait_healthy()
        assert pid_of(member) != first


def test_nothing_outlives_a_killed_parent(tmp_path):
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from testbed.etcd_cluster import EtcdCluster
        from testbed.servers import PushgatewayServer
        directory = Path({str(tmp_path)!r})
        with EtcdCluster(directory, size=1) as cluster, PushgatewayServer(directory / "push") as push:
            pid = cluster.members[0].control.with_suffix(".pid").read_text()
            print(pid, push.server.process.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = list(map(int, done.stdout.split()))
    assert len(pids) == 2
    wait_until(lambda: not any(map(alive, pids)), "the servers of a killed parent end", 15)


def test_a_server_that_ends_at_once_says_why(tmp_path):
    with PushgatewayServer(tmp_path / "one") as first:
        second = PushgatewayServer(tmp_path / "two")
        second.server.command = list(first.server.command)
        second.port = 1
        with pytest.raises(RuntimeError, match="address already in use"):
            second.start()


def test_tls_and_passwords_are_asked_for(tmp_path):
    authority = Authority(tmp_path / "pki")
    with (
        RestServer(tmp_path / "rest", tls=authority) as rest,
        PushgatewayServer(tmp_path / "push", tls=authority, password=True) as push,
    ):
        assert "go_goroutines" in push.metrics()
        for server, path in ((rest, "/repo/config"), (push, "/metrics")):
            with pytest.raises(urllib.error.HTTPError) as refused:
                server.get(path)
            with refused.value:
                assert refused.value.code == 401
            with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
                urllib.request.urlopen(server.address)
        arguments = Path(f"/proc/{rest.server.process.pid}/cmdline").read_bytes()
        assert b"p@ss" not in arguments


def test_s3_over_tls_takes_a_repository(tmp_path):
    authority = Authority(tmp_path / "pki")
    with S3Server(tmp_path / "s3", tls=authority) as s3:
        command = [
            restics()[0],
            "--no-cache",
            "--cacert",
            str(authority.cert),
            "-r",
            s3.location("testbed", "a/b"),
            "init",
        ]
        environment = {**os.environ, **s3.keys, "RESTIC_PASSWORD": "x"}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        assert any((tmp_path / "s3" / "data").glob("testbed_*.dat")), "the bucket was made, and written"


@pytest.fixture
def proxied():
    """A proxy before a server that answers what it was sent, and then 1000 bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        while block := connection.recv(4096):
                            connection.sendall(block)
                        connection.sendall(bytes(1000))

        thread = threading.Thread(target=serve)
        thread.start()
        with TcpProxy(server.getsockname()[1]) as proxy:
            yield proxy
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def ask(proxy, data=b""):
    got = b""
    with (
        contextlib.suppress(ConnectionError),
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection,
    ):
        connection.sendall(data)
        with contextlib.suppress(OSError):  # ENOTCONN, where it was reset already
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(4096):
            got += piece
    return got


def test_the_proxy_does_to_connections_what_it_is_told(proxied):
    assert ask(proxied, b"hello") == b"hello" + bytes(1000)
    proxied.flip_at = 700
    assert ask(proxied) == bytes(700) + b"\x01" + bytes(299)
    assert ask(proxied) == bytes(1000), "once"
    proxied.cut_after = 300
    assert [len(ask(proxied)) for _ in range(2)] == [300, 300], "of each connection"
    proxied.cut_after = None
    proxied.upload_limit = proxied.uploaded + 12
    assert ask(proxied, b"01234567") == b"01234567" + bytes(1000)
    assert len(ask(proxied, b"01234567")) <= 4, "the limit is for all connections"
    assert ask(proxied) == b"", "and stays"
    proxied.upload_limit, proxied.refusing = None, True
    assert ask(proxied) == b""
    proxied.refusing, proxied.delay = False, 0.3
    begin = time.monotonic()
    assert ask(proxied) == bytes(1000)
    assert time.monotonic() - begin >= 0.3
    proxied.delay, proxied.silent = 0, True
    with (
        socket.create_connection(("127.0.0.1", proxied.port), timeout=0.3) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(1)


def test_a_port_is_promised_to_one_process():
    mine = free_port()
    draws = f"process._PORTS = range({mine}, {mine} + 20); print(*(process.free_port() for _ in range(10)))"
    others = subprocess.run(
        [sys.executable, "-c", f"from testbed import process; {draws}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert len(set(others)) == 10
    assert str(mine) not in others, "although nothing listens on it"
