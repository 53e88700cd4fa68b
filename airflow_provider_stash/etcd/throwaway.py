"""A throw-away etcd server on a data directory: proves that it opens, and answers what is in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig
from airflow_provider_stash.etcd.tools import telling_lines
from airflow_provider_stash.exceptions import EtcdAuthenticationError, EtcdPermissionError, EtcdToolError

NAME = "throwaway"


def find_server(path: str | None = None) -> str | None:
    """
    Find the ``etcd`` server program; None when there is none.

    :param path: of the program, or a directory that holds it; None: look on PATH.
    """
    if path and Path(path).is_dir():
        return shutil.which("etcd", path=path)
    return shutil.which(path or "etcd")


def free_port() -> int:
    """Find a port on the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ThrowawayEtcd:
    """
    Runs a single-member etcd on loopback for as long as the context lasts.

    The data directory must have been built for the member ``NAME`` with ``peer_url`` as its only peer.

    :param server: path of the ``etcd`` program.
    :param data_dir: the directory, which the server will change.
    :param peer_url: as it was built with.
    :param user: asked for when the snapshot has authentication on.
    :param password: that user's.
    :param timeout: seconds until it must answer.
    """

    def __init__(
        self,
        server: str,
        data_dir: Path,
        *,
        peer_url: str,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._server, self._data_dir, self._peer_url = server, data_dir, peer_url
        self._user, self._password, self._timeout = user, password, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.with_name(f"{data_dir.name}.log")

    def __enter__(self) -> EtcdClient:
        endpoint = Endpoint("http", "127.0.0.1", free_port())
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ETCD_")}
        with self._log.open("wb") as log:
            command = [
                    self._server,
                    "--name", NAME,
                    "--data-dir", str(self._data_dir),
                    "--listen-client-urls", endpoint.url,
                    "--advertise-client-urls", endpoint.url,
                    "--listen-peer-urls", self._peer_url,
                    "--initial-advertise-peer-urls", self._peer_url,
                    "--initial-cluster", f"{NAME}={self._peer_url}",
            ]  # fmt: skip
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise EtcdToolError(f"{self._server} could not be run: {error.strerror}.") from error
        try:
            config = EtcdConfig((endpoint,), user=self._user, password=self._password, timeout=60.0)
            self._wait_until_ready(config)
            return EtcdClient(config)
        except BaseException:
            self._stop()
            raise

    def _wait_until_ready(self, config: EtcdConfig) -> None:
        deadline = time.monotonic() + self._timeout
        endpoint = config.endpoints[0]
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
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
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # its data is thrown away anyhow
            self._process.wait()
            self._process = None
