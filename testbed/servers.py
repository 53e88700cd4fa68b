"""S3, restic's REST server and a Pushgateway, on loopback; each a context manager."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from testbed.binaries import find
from testbed.process import Server, free_port, listens

ACCESS_KEY, SECRET_KEY = "testbedaccess", "testbed-secret-key"
REST_USER, REST_PASSWORD = "backup", "rest:p@ss/word"


class _Service:
    """A server with a directory of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.port = directory, free_port()
        self.server = Server(self.command(), directory / "server.log")

    def command(self) -> Sequence[str]:
        """Give the program and its arguments."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Tell whether it answers."""
        return listens(self.port)

    def __enter__(self) -> _Service:
        try:
            self.server.start()
            self.server.wait_ready(self.ready)
        except BaseException:
            self.server.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()


class S3Server(_Service):
    """SeaweedFS, with one pair of keys."""

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
        return [
            find("weed"), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-master.port={ports[0]}", f"-master.port.grpc={free_port()}",
            f"-volume.port={ports[1]}", f"-volume.port.grpc={free_port()}",
            "-filer", f"-filer.port={ports[2]}", f"-filer.port.grpc={free_port()}",
            "-s3", f"-s3.port={self.port}", f"-s3.port.grpc={free_port()}", f"-s3.config={keys}",
            "-volume.max=20", "-master.volumeSizeLimitMB=256",
        ]  # fmt: skip

    def ready(self) -> bool:
        if not listens(self.port):
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=2) as answer:  # noqa: S310
                return bool(answer.status)
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False

    def location(self, bucket: str, prefix: str = "") -> str:
        """Give a repository location."""
        return f"s3:http://127.0.0.1:{self.port}/{bucket}{f'/{prefix}' if prefix else ''}"

    @property
    def keys(self) -> dict[str, str]:
        """Its credentials, as in Stash's storage Secret."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


class RestServer(_Service):
    """rclone, speaking restic's REST protocol, with user and password."""

    def command(self) -> Sequence[str]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        address = f"127.0.0.1:{self.port}"
        return [
            find("rclone"), "serve", "restic", "--addr", address, "--user", REST_USER, "--pass", REST_PASSWORD,
            str(data),
        ]  # fmt: skip

    @property
    def location(self) -> str:
        """A repository location, without the user."""
        return f"rest:http://127.0.0.1:{self.port}/repo"

    @property
    def keys(self) -> dict[str, str]:
        """Its credentials, as in Stash's storage Secret."""
        return {"REST_SERVER_USERNAME": REST_USER, "REST_SERVER_PASSWORD": REST_PASSWORD}


class PushgatewayServer(_Service):
    """Prometheus' Pushgateway."""

    def __init__(self, directory: Path, web_config: str | None = None) -> None:
        self._web_config = web_config
        super().__init__(directory)

    def command(self) -> Sequence[str]:
        command = [find("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{self.port}"]
        if self._web_config:
            path = self.directory / "web.yml"
            path.write_text(self._web_config)
            command.append(f"--web.config.file={path}")
        return command

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def metrics(self) -> str:
        """Read all series."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310
            return str(answer.read().decode())
