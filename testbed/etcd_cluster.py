"""A real etcd cluster on loopback."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.transport import Transport
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from testbed import guard, memberctl
from testbed.binaries import find
from testbed.certificates import Authority
from testbed.process import free_port, wait_until

PASSWORD = "test-etcd-password"
_BATCH = 100


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
        """Run the command."""
        subprocess.run(self.command(verb), check=True, timeout=60)


class EtcdCluster:
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
                self._enable_authentication()
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

    def client(self) -> EtcdClient:
        """Give a client of the cluster, to be used as a context manager."""
        return EtcdClient(self.config())

    def revision(self) -> int:
        """Give the highest revision that a member has."""
        with self.client() as client:
            return max(status.revision for status in client.status())

    def config(self, *, password: str | None = "", endpoints: str | None = None) -> EtcdConfig:
        """Give a configuration for the cluster; ``password`` empty: the cluster's, None: no user."""
        secret = self.password if password == "" else password
        with_cert = self.tls and self.client_cert_auth
        return EtcdConfig(
            endpoints=parse_endpoints(endpoints or ",".join(member.client_url for member in self.members)),
            user="root" if secret is not None else None,
            password=secret,
            ca_cert=self.authority.cert.read_bytes() if self.tls else None,
            client_cert=self.client_pair.cert.read_bytes() if with_cert else None,
            client_key=self.client_pair.key.read_bytes() if with_cert else None,
            timeout=5.0,
        )

    def connection(self, *, password: str | None = "") -> str:
        """Give an Airflow connection to the cluster, as JSON."""
        config = self.config(password=password)
        extra = {"ca_certificate": str(self.authority.cert)} if self.tls else {}
        if self.tls and self.client_cert_auth:
            extra |= {
                "client_certificate": str(self.client_pair.cert),
                "client_private_key": str(self.client_pair.key),
            }
        return json.dumps(
            {
                "conn_type": "etcd",
                "host": ",".join(endpoint.url for endpoint in config.endpoints),
                "login": config.user,
                "password": config.password,
                "extra": extra,
            }
        )

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

    # --- data -----------------------------------------------------------------------------------

    def ctl(self, *arguments: str, stdin: str | None = None, password: str | None = "") -> str:
        """Run etcdctl and give its output."""
        secret = self.password if password == "" else password
        env = {**os.environ, "ETCDCTL_API": "3"}
        flags = ["--endpoints", ",".join(member.client_url for member in self.members)]
        if self.tls:
            flags += ["--cacert", str(self.authority.cert)]
            if self.client_cert_auth:
                flags += ["--cert", str(self.client_pair.cert), "--key", str(self.client_pair.key)]
        if secret is not None:
            env["ETCDCTL_USER"] = f"root:{secret}"
        done = subprocess.run(
            [self.etcdctl, *flags, *arguments],
            input=stdin,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"etcdctl {' '.join(arguments[:3])}: {done.stderr}")
        return done.stdout

    def _enable_authentication(self) -> None:
        self.ctl("user", "add", "root", "--interactive=false", stdin=f"{self.password}\n", password=None)
        self.ctl("user", "grant-role", "root", "root", password=None)
        self.ctl("auth", "enable", password=None)

    def fill(
        self, count: int, *, size: int = 64, prefix: str = "/key/", seed: int = 0, jobs: int = 1
    ) -> None:
        """Write keys of random values, in transactions of up to 1 MB; half of each value compresses."""
        chance = random.Random(seed)
        batch = max(1, min(_BATCH, 1_000_000 // size))
        transport = Transport(self.config())
        rpc = transport.rpc

        def put(numbers: Sequence[int]) -> None:
            request = rpc.TxnRequest()
            for number in numbers:
                operation = request.success.add().request_put
                operation.key = f"{prefix}{number:08d}".encode()
                operation.value = chance.randbytes(size // 2) + b"x" * (size - size // 2)
            transport.any("KVStub", "Txn", request, timeout=30)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(put, [range(at, min(at + batch, count)) for at in range(0, count, batch)]))
        transport.close()

    def all_keys(self) -> dict[str, str]:
        """Read every key and value."""
        answer = json.loads(self.ctl("get", "", "--prefix", "--write-out", "json"))
        return {entry["key"]: entry.get("value", "") for entry in answer.get("kvs", [])}

    def delete(self, prefix: str = "/key/") -> None:
        """Delete all keys with a prefix."""
        self.ctl("del", prefix, "--prefix")
