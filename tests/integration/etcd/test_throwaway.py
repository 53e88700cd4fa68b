"""A throw-away etcd leaves nothing behind, whoever is killed; here on a data directory that it makes itself."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_stash.etcd.datadir import in_use
from airflow_provider_stash.etcd.throwaway import ThrowawayEtcd, find_server
from testbed.binaries import newest_etcd
from testbed.process import command_lines, wait_until

SERVER = find_server(newest_etcd())
CODE = """
import sys, time
from pathlib import Path
from airflow_provider_stash.etcd.throwaway import ThrowawayEtcd
with ThrowawayEtcd(sys.argv[1], Path(sys.argv[2])) as client:
    print(client.config.endpoints[0].host, flush=True)
    time.sleep(60)
"""


def processes(data_dir):
    """The etcd and its guard, by process id."""
    return {pid: words for pid, words in command_lines() if str(data_dir) in words and words[1:2] != ["-c"]}


@contextmanager
def worker(data_dir):
    """A process that has a throw-away etcd run, and the directory of its sockets."""
    with subprocess.Popen(
        [sys.executable, "-c", CODE, SERVER, str(data_dir)], stdout=subprocess.PIPE, text=True
    ) as child:
        sockets = Path(child.stdout.readline().strip()).parent
        assert in_use(data_dir)
        assert sockets.is_dir()
        try:
            yield child, sockets
        finally:
            child.kill()


def test_a_worker_that_is_killed_outright_leaves_no_etcd_and_no_sockets(tmp_path):
    with worker(tmp_path / "d") as (child, sockets):
        assert processes(tmp_path / "d")
        child.kill()
        child.wait()
        wait_until(lambda: not processes(tmp_path / "d"), "etcd is gone", timeout=5)
    assert not sockets.exists()
    assert not in_use(tmp_path / "d")


def test_who_ends_all_processes_before_a_worker_is_killed_leaves_nothing(tmp_path):
    """As systemd does when a worker's service is stopped."""
    with worker(tmp_path / "d") as (child, sockets):
        for pid in processes(tmp_path / "d"):
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                os.kill(pid, number)
        child.kill()
        child.wait()
        wait_until(lambda: not processes(tmp_path / "d"), "etcd is gone", timeout=5)
    assert not sockets.exists()


def test_a_guard_that_is_killed_leaves_no_etcd(tmp_path):
    with ThrowawayEtcd(SERVER, tmp_path / "d") as client:
        sockets = Path(client.config.endpoints[0].host).parent
        (guard,) = (pid for pid, words in processes(tmp_path / "d").items() if words[0] == sys.executable)
        os.kill(guard, signal.SIGKILL)
    wait_until(lambda: not processes(tmp_path / "d"), "etcd is gone", timeout=5)
    assert not sockets.exists()


def test_etcd_has_ended_when_it_is_left(tmp_path):
    with pytest.raises(KeyboardInterrupt), ThrowawayEtcd(SERVER, tmp_path / "d"):
        raise KeyboardInterrupt
    assert not processes(tmp_path / "d")
    assert not in_use(tmp_path / "d")
