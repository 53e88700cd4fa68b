"""What tests and benchmarks do with an etcd cluster, wherever its members run."""

from __future__ import annotations

import json
import os
import random
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.transport import Transport
from testbed.certificates import Authority, Pair

PASSWORD = "test-etcd-password"
_BATCH = 100


class EtcdAccess(ABC):
    """Reads and writes a cluster, as root where it wants a password."""

    tls: bool
    password: str | None
    client_cert_auth: bool
    authority: Authority
    client_pair: Pair
    etcdctl: str

    @property
    @abstractmethod
    def client_urls(self) -> Sequence[str]:
        """One of each member."""

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
            endpoints=parse_endpoints(endpoints or ",".join(self.client_urls)),
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

    # --- data -----------------------------------------------------------------------------------

    def ctl(
        self,
        *arguments: str,
        stdin: str | None = None,
        password: str | None = "",
        endpoints: Sequence[str] | None = None,
    ) -> str:
        """Run etcdctl and give its output; ``endpoints`` None: all members'."""
        secret = self.password if password == "" else password
        env = {**os.environ, "ETCDCTL_API": "3"}
        flags = ["--endpoints", ",".join(endpoints or self.client_urls)]
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

    def enable_authentication(self) -> None:
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
