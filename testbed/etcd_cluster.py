"""A real etcd cluster on loopback."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from testbed import guard, memberctl
from testbed.binaries import find
from testbed.certificates import Authority
from testbed.etcd_access import PASSWORD, EtcdAccess
from testbed.process import free_port, wait_until


@dataclass(frozen=True)
class Member:
    """One member, and its control file."""

    name: str
    data_dir: Path
    client_url: str
    peer_url: str
    log: Path
    control: Path

    def command(self, verb: str) -> list[str]:
        """Give the command for ``start``, ``stop`` or ``kill``."""
        # By its path, so that it works from any directory; -IS: nothing but the standard library, which starts faster.
        return [sys.executable, "-IS", memberctl.__file__, str(self.control), verb]

    def run(self, verb: str) -> None:
        """Do what the command does, without a process of its own."""
        memberctl.main(str(self.control), verb)


class EtcdCluster(EtcdAccess):
    """
    A cluster of etcd processes; a context manager.

    :param directory: for data, certificates and logs.
    :param size: how many members.
    :param tls: serve clients and peers with TLS.
    :param password: turn authentication on, with a user root of this password; None: no authentication.
    :param binaries: directory of ``etcd`` and ``etcdctl``; None: PATH.
    :param flags: further flags of every member.
    """

    def __init__(
        self,
        directory: Path,
        *,
        size: int = 3,
        tls: bool = True,
        password: str | None = PASSWORD,
        client_cert_auth: bool = False,
        binaries: str | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        self.directory, self.tls, self.password = directory, tls, password
        self.client_cert_auth, self.flags = client_cert_auth, list(flags)
        self.etcd = find("etcd", directory=binaries)
        self.etcdctl = find("etcdctl", directory=binaries)
        directory.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(directory / "pki")
        self.server_pair = self.authority.issue("server")
        self.client_pair = self.authority.issue("client")
        scheme = "https" if tls else "http"
        self.members = [
            Member(
                name=f"m{number}",
                data_dir=directory / f"m{number}.etcd",
                client_url=f"{scheme}://127.0.0.1:{free_port()}",
                peer_url=f"{scheme}://127.0.0.1:{free_port()}",
                log=directory / f"m{number}.log",
                control=directory / f"m{number}.json",
            )
            for number in range(size)
        ]

    def __enter__(self) -> EtcdCluster:
        for member in self.members:
            state = {
                "command": self._command(member),
                "log": str(member.log),
                "pid_file": str(member.control.with_suffix(".pid")),
            }
            member.control.write_text(json.dumps(state))
            guard.watch(member.control)
        try:
            self.start()
            if self.password is not None:
                self.enable_authentication()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for member in self.members:
            guard.release(member.control)
            if kind is None:
                shutil.rmtree(member.data_dir, ignore_errors=True)

    @property
    def client_urls(self) -> Sequence[str]:
        return [member.client_url for member in self.members]

    def _command(self, member: Member) -> list[str]:
        cluster = ",".join(f"{one.name}={one.peer_url}" for one in self.members)
        command = [
            self.etcd,
            "--name", member.name,
            "--data-dir", str(member.data_dir),
            "--listen-client-urls", member.client_url,
            "--advertise-client-urls", member.client_url,
            "--listen-peer-urls", member.peer_url,
            "--initial-advertise-peer-urls", member.peer_url,
            "--initial-cluster", cluster,
            "--initial-cluster-token", "testbed",
            *self.flags,
        ]  # fmt: skip
        if self.tls:
            pair, authority = self.server_pair, str(self.authority.cert)
            command += ["--cert-file", str(pair.cert), "--key-file", str(pair.key),
                        "--peer-cert-file", str(pair.cert), "--peer-key-file", str(pair.key),
                        "--peer-trusted-ca-file", authority, "--peer-client-cert-auth"]  # fmt: skip
            if self.client_cert_auth:
                # A trusted CA alone already makes etcd ask for client certificates.
                command += ["--client-cert-auth", "--trusted-ca-file", authority]
        return command

    def start(self) -> None:
        """Start all members and wait until the cluster answers."""
        for member in self.members:
            member.run("start")
        self.wait_healthy()

    def wait_healthy(self, timeout: float = 30.0) -> None:
        """Wait until every member serves a linearizable read."""
        wait_until(self._healthy, "etcd is healthy", timeout)

    def _healthy(self) -> bool:
        with EtcdClient(self.config(password=None)) as client:
            return all(
                one.failure is None
                or "user name is empty" in str(one.failure)
                or "authentication on" in one.error
                for one in client.health()
            )

    def kill(self) -> None:
        """Kill all members."""
        for member in self.members:
            if member.control.exists():
                member.run("kill")

    def workload(self, **overrides: object) -> ProcessWorkload:
        """Give the cluster as a workload that a restore can stop and start."""
        members = [
            ProcessMember(
                name=member.name,
                data_dir=str(member.data_dir),
                peer_urls=member.peer_url,
                stop=member.command("stop"),
                start=member.command("start"),
            )
            for member in self.members
        ]
        return ProcessWorkload(members, **overrides)  # type: ignore[arg-type]
