"""The other integration tests rest on these servers: they start, refuse, break and end as they should."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from airflow_provider_stash.etcd.tools import find_tool
from testbed.airflow_home import VIEWER, AirflowHome
from testbed.binaries import etcd_dirs, restics
from testbed.certificates import Authority
from testbed.etcd_cluster import EtcdCluster
from testbed.memberctl import alive
from testbed.process import wait_until
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
        with pytest.raises(RuntimeError, match="user name is empty"):
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
        subprocess.run(command, env=environment, check=True)
        wrong = subprocess.run(
            command,
            env={**environment, "AWS_SECRET_ACCESS_KEY": "wrong"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert wrong.returncode != 0
        assert "signature" in wrong.stderr.lower()


@pytest.fixture
def proxied():
    """A proxy before a server that sends 1000 bytes to everyone, and the function that reads all it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        pid = os.fork()
        if pid == 0:
            while True:
                connection, _ = server.accept()
                connection.sendall(bytes(1000))
                connection.close()
        try:
            with TcpProxy(server.getsockname()[1]) as proxy:
                yield proxy
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def read_all(port):
    data = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            while piece := connection.recv(4096):
                data += piece
        except ConnectionResetError:
            pass
    return data


def test_the_proxy_does_to_connections_what_it_is_told(proxied):
    assert read_all(proxied.port) == bytes(1000)
    proxied.heal()
    proxied.from_server.flip_at = 700
    assert read_all(proxied.port) == bytes(700) + b"\xff" + bytes(299)
    proxied.heal()
    proxied.from_server.cut_after = 1300
    assert len(read_all(proxied.port)) == 1000
    assert len(read_all(proxied.port)) == 300, "bytes are counted over all connections"
    assert read_all(proxied.port) == b"", "and it stays cut"
    proxied.heal()
    proxied.refusing = True
    assert read_all(proxied.port) == b""
    proxied.heal()
    proxied.from_server.delay = 0.3
    begin = time.monotonic()
    assert len(read_all(proxied.port)) == 1000
    assert time.monotonic() - begin >= 0.3
    assert proxied.connections == 7


def test_airflow_runs_a_dag_and_tells_users_apart(tmp_path):
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "one.py").write_text(
        textwrap.dedent("""
            from airflow.sdk import dag, task

            @dag(schedule=None)
            def one():
                @task
                def hello(dag_run=None):
                    print("hello from the task")
                    if dag_run.conf.get("fail"):
                        raise ValueError("as it was told")
                    return dag_run.conf
                hello()
            one()
        """)
    )
    with AirflowHome(tmp_path / "home", dags) as airflow:
        airflow.wait_for_dag("one")
        run_id, state = airflow.run_dag("one", {"number": 7})
        assert state == "success"
        assert airflow.result("one", run_id, "hello") == {"number": 7}
        assert "hello from the task" in airflow.logs("one", run_id)
        run_id, state = airflow.run_dag("one", {"fail": True})
        assert (state, airflow.states("one", run_id)) == ("failed", {"hello": "failed"})
        assert airflow.get("/dags/one", user=VIEWER)["dag_id"] == "one"
        with pytest.raises(urllib.error.HTTPError) as refused:
            airflow.post("/dags/one/dagRuns", {"logical_date": None}, user=VIEWER)
        assert refused.value.code == 403
