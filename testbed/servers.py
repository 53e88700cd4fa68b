"""S3, restic's REST server, a Pushgateway and a Prometheus, on loopback; each a context manager."""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from testbed.binaries import find
from testbed.certificates import Authority
from testbed.process import Server, free_port

ACCESS_KEY, SECRET_KEY = "testbedaccess", "testbed-secret-key"
REST_USER, REST_PASSWORD = "backup", "rest:p@ss/word"
PUSH_USER, PUSH_PASSWORD = "pusher", "push-password"
_PUSH_PASSWORD_BCRYPT = "$2b$05$ZSKOnQ1PuAjcrKfOA6FVW.pS1sG9XwvKb2/1/DCBlD.pmGKPhKjK2"

_S = TypeVar("_S", bound="_Service")


class _Service:
    """
    A server with a directory of its own.

    :param directory: for its data, settings and ``server.log``.
    :param tls: serve TLS, with a certificate of this authority for 127.0.0.1 and localhost; None: plain.
    """

    question = "/"
    patience = 15.0

    def __init__(self, directory: Path, *, tls: Authority | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.tls, self.port = directory, tls, free_port()
        self.pair = tls.issue(type(self).__name__) if tls else None
        self.server = Server(self.command(), directory / "server.log", {**os.environ, **self.environment()})

    @property
    def address(self) -> str:
        """Its address, ``http[s]://127.0.0.1:PORT``."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        """Give the program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Give what its environment needs."""
        return {}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Ask it by HTTP."""
        trust = ssl.create_default_context(cafile=str(self.tls.cert)) if self.tls else None
        request = urllib.request.Request(f"{self.address}{path}", headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
            return bytes(answer.read())

    def ready(self) -> bool:
        """Tell whether it answers; a refusal is an answer, an error of its own is not."""
        try:
            self.get(self.question)
        except urllib.error.HTTPError as error:
            with error:
                return error.code < 500
        except OSError:
            return False
        return True

    def start(self) -> None:
        """Start it, on its port and data of before."""
        try:
            self.server.start()
            self.server.wait_ready(self.ready)
        except BaseException:
            self.server.stop()
            raise

    def stop(self) -> None:
        """Stop it."""
        self.server.stop(self.patience)

    def __enter__(self: _S) -> _S:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class S3Server(_Service):
    """SeaweedFS, with one pair of keys; restic makes a bucket where none is."""

    question = "/status"
    patience = 0.5  # it would take 25 s to say good-bye to itself

    def command(self) -> Sequence[str]:
        identity = {
            "name": "testbed",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        keys = self.directory / "keys.json"
        keys.touch(mode=0o600)
        keys.write_text(json.dumps({"identities": [identity]}))
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        ports = [free_port() for _ in range(3)]
        # SeaweedFS takes a gRPC port 10000 above each unless it is told another.
        command = [
            find("weed"), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-master.port={ports[0]}", f"-master.port.grpc={free_port()}",
            f"-volume.port={ports[1]}", f"-volume.port.grpc={free_port()}",
            "-filer", f"-filer.port={ports[2]}", f"-filer.port.grpc={free_port()}",
            "-s3", f"-s3.port={self.port}", f"-s3.port.grpc={free_port()}", f"-s3.config={keys}",
            "-s3.port.iceberg=0", "-s3.port.lance=0",
            # Each bucket takes seven volumes.
            "-volume.max=500", "-master.volumeSizeLimitMB=256",
        ]  # fmt: skip
        if self.pair:
            command += [f"-s3.cert.file={self.pair.cert}", f"-s3.key.file={self.pair.key}"]
        return command

    def location(self, bucket: str, prefix: str = "", *, port: int | None = None) -> str:
        """Give a repository location; ``port``: of a proxy before it."""
        address = self.address if port is None else f"{self.address.rpartition(':')[0]}:{port}"
        return f"s3:{address}/{bucket}{f'/{prefix}' if prefix else ''}"

    @property
    def keys(self) -> dict[str, str]:
        """Its credentials, as in Stash's storage Secret."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


class RestServer(_Service):
    """rclone, speaking restic's REST protocol, with user and password."""

    def command(self) -> Sequence[str]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        command = [find("rclone"), "serve", "restic", "--addr", f"127.0.0.1:{self.port}", str(data)]
        if self.pair:
            command += ["--cert", str(self.pair.cert), "--key", str(self.pair.key)]
        return command

    def environment(self) -> Mapping[str, str]:
        # Not as arguments: a test looks for the password in the process list.
        config = str(self.directory / "rclone.conf")
        return {"RCLONE_USER": REST_USER, "RCLONE_PASS": REST_PASSWORD, "RCLONE_CONFIG": config}

    @property
    def location(self) -> str:
        """A repository location, without the user."""
        return self.location_of("repo")

    def location_of(self, name: str, *, port: int | None = None) -> str:
        """Give the location of a repository by its name; ``port``: of a proxy before it."""
        address = self.address if port is None else f"{self.address.rpartition(':')[0]}:{port}"
        return f"rest:{address}/{name}"

    @property
    def keys(self) -> dict[str, str]:
        """Its credentials, as in Stash's storage Secret."""
        return {"REST_SERVER_USERNAME": REST_USER, "REST_SERVER_PASSWORD": REST_PASSWORD}


class PushgatewayServer(_Service):
    """
    Prometheus' Pushgateway.

    :param password: ask for ``PUSH_USER`` and ``PUSH_PASSWORD``.
    """

    question = "/-/ready"

    def __init__(self, directory: Path, *, tls: Authority | None = None, password: bool = False) -> None:
        self.password = password
        super().__init__(directory, tls=tls)

    def command(self) -> Sequence[str]:
        settings: dict[str, object] = {}
        if self.password:
            settings["basic_auth_users"] = {PUSH_USER: _PUSH_PASSWORD_BCRYPT}
        if self.pair:
            settings["tls_server_config"] = {"cert_file": str(self.pair.cert), "key_file": str(self.pair.key)}
        web = self.directory / "web.yml"
        web.write_text(json.dumps(settings))  # JSON is YAML
        return [
            find("prometheus-pushgateway"),
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.config.file={web}",
            "--persistence.file=",  # Debian's build has one for the whole machine
        ]

    @property
    def url(self) -> str:
        """Its address."""
        return self.address

    def metrics(self) -> str:
        """Read all series."""
        user = base64.b64encode(f"{PUSH_USER}:{PUSH_PASSWORD}".encode()).decode()
        return self.get("/metrics", {"Authorization": f"Basic {user}"} if self.password else None).decode()

    def series(self, prefix: str = "stash") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Read the series whose names begin so: name and labels (with ``job``) -> value."""
        from prometheus_client.parser import text_string_to_metric_families

        return {
            (sample.name, frozenset(sample.labels.items())): float(sample.value)
            for family in text_string_to_metric_families(self.metrics())
            for sample in family.samples
            if sample.name.startswith(prefix)
        }


class PrometheusServer(_Service):
    """
    Prometheus, scraping a Pushgateway each second.

    :param gateway: address of the Pushgateway, ``http://host:port``.
    :param rules: file of its alerting rules; evaluated each second.
    """

    question = "/-/ready"

    def __init__(self, directory: Path, *, gateway: str, rules: Path) -> None:
        self.gateway, self.rules = gateway, rules
        super().__init__(directory)

    def command(self) -> Sequence[str]:
        config = self.directory / "prometheus.yaml"
        scraped = {
            "job_name": "pushgateway",
            "honor_labels": True,
            "static_configs": [{"targets": [self.gateway.removeprefix("http://")]}],
        }
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.rules)],
            "scrape_configs": [scraped],
        }
        config.write_text(json.dumps(settings))  # JSON is YAML
        return [
            find("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now; gives ``metric`` (labels) and ``value`` of each series."""
        answer = json.loads(self.get(f"/api/v1/query?query={quote(expression)}"))
        return list(answer["data"]["result"])

    def query_range(self, expression: str, seconds: float) -> list[dict[str, Any]]:
        """Evaluate an expression over the last seconds; gives ``metric`` and ``values`` of each series."""
        now = time.time()
        given = f"query={quote(expression)}&start={now - seconds}&end={now}&step=1"
        answer = json.loads(self.get(f"/api/v1/query_range?{given}"))
        return list(answer["data"]["result"])

    def label_values(self, label: str, match: str) -> list[str]:
        """Give the values that a label has in the series that match."""
        answer = json.loads(self.get(f"/api/v1/label/{label}/values?match[]={quote(match)}"))
        return list(answer["data"])

    def alerts(self) -> list[dict[str, Any]]:
        """Give the alerts that are pending or firing."""
        return list(json.loads(self.get("/api/v1/alerts"))["data"]["alerts"])
