"""A throw-away etcd server on a data directory: proves that it opens, and answers what is in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from airflow_provider_stash.etcd import throwaway_guard
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig
from airflow_provider_stash.etcd.tools import telling_lines
from airflow_provider_stash.exceptions import EtcdAuthenticationError, EtcdPermissionError, EtcdToolError

NAME = "throwaway"
PEER_URL = "http://localhost:2380"
"""What its data directory names as its only peer. Nothing listens there."""

# Sockets in the server's working directory. etcd before 3.5.2 takes a path only of the form host:port.
_CLIENT_SOCKET, _PEER_SOCKET = "localhost:1", "localhost:2"
_CLIENT_URL = "http://localhost:2379"  # nor there: etcd wants one to advertise


def find_server(path: str | None = None) -> str | None:
    """
    Find the ``etcd`` server program; None when there is none.

    :param path: of the program, or a directory that holds it; None: look on PATH.
    """
    if path and Path(path).is_dir():
        return shutil.which("etcd", path=path)
    return shutil.which(path or "etcd")


class ThrowawayEtcd:
    """
    Runs a single-member etcd for as long as the context lasts, for this user alone: it listens on sockets
    in a directory that no other may enter, since what it serves may be open to all who can reach it.
    Its guard ends it and removes that directory, also when this process is killed.

    The data directory must have been built for the member ``NAME`` with ``PEER_URL`` as its only peer.

    :param server: path of the ``etcd`` program.
    :param data_dir: the directory, which the server will change.
    :param user: asked for when the snapshot has authentication on.
    :param password: that user's.
    :param timeout: seconds until it must answer.
    """

    def __init__(
        self,
        server: str,
        data_dir: Path,
        *,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._server, self._data_dir = server, data_dir
        self._user, self._password, self._timeout = user, password, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.with_name(f"{data_dir.name}.log")

    def __enter__(self) -> EtcdClient:
        # Of its own: the path of a socket can't be longer than some 100 bytes.
        self._sockets = tempfile.mkdtemp(prefix="stash-")
        endpoint = Endpoint("unix", f"{self._sockets}/{_CLIENT_SOCKET}", 0)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}
        command = [
                sys.executable, "-I", "-S", throwaway_guard.__file__, self._sockets,
                self._server,
                "--name", NAME,
                "--data-dir", str(self._data_dir),
                "--listen-client-urls", f"unix://{_CLIENT_SOCKET}",
                "--advertise-client-urls", _CLIENT_URL,
                "--listen-peer-urls", f"unix://{_PEER_SOCKET}",
                "--initial-advertise-peer-urls", PEER_URL,
                "--initial-cluster", f"{NAME}={PEER_URL}",
        ]  # fmt: skip
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self._sockets,
                    start_new_session=True,
                )
            config = EtcdConfig((endpoint,), user=self._user, password=self._password, timeout=60.0)
            self._wait_until_ready(self._process, config)
            return EtcdClient(config)
        except BaseException:
            self._stop()
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes], config: EtcdConfig) -> None:
        deadline = time.monotonic() + self._timeout
        endpoint = config.endpoints[0]
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            # A new client each time: one that was refused backs off for a second.
            with EtcdClient(config) as client:
                status = client.status_of(endpoint)
                # A member that asks for another password is up (3.5.30 tells its status to root alone).
                refused = isinstance(status.failure, (EtcdAuthenticationError, EtcdPermissionError))
                if refused or (status.alive and status.leader):
                    return
            time.sleep(0.05)
        log = self._log.read_text(errors="replace")
        if process.returncode == throwaway_guard.NOT_RUN:
            raise EtcdToolError(f"{self._server} could not be run: {log.strip()}.")
        words = telling_lines(log) or " | ".join(log.strip().splitlines()[-3:]) or "none"
        raise EtcdToolError(
            f"A throw-away {self._server} did not come up on the restored data. Its last words: {words}"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()  # the guard's sign
            if self._process.wait() < 0:  # it was killed itself
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None
        shutil.rmtree(self._sockets, ignore_errors=True)
