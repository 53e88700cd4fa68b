"""Starts and stops a simulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from testbed.binaries import find, newest_etcd
from testbed.process import Server
from tests.kubesim import images
from tests.kubesim.images import SYSTEM_PATH, Image

_ROOT = Path(__file__).parents[2]
_PATH = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
"""Of the simulator: ip lies in a directory that is not on every user's PATH."""


def default_images() -> dict[str, Image]:
    """
    Give the images that the Kubernetes suite uses.

    ``kubesim/etcd:*`` has etcd and its tools, ``kubesim/stash:*`` this package with restic and etcd's tools,
    ``kubesim/rclone:*`` rclone.
    """
    etcd = (newest_etcd(),)
    # Last: the starters of wheels in it would hide etcd's own tools.
    python = str(Path(sys.executable).parent)
    tools = (*etcd, str(Path(find("restic")).parent))
    # grpc's own resolver would ask a DNS server for what /etc/hosts has no IPv6 address of, and wait: there is none.
    environment = {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", "GRPC_DNS_RESOLVER": "native"}
    return {
        "kubesim/etcd:*": Image(path=etcd),
        "kubesim/stash:*": Image(path=(*tools, python), environment=environment),
        "kubesim/rclone:*": Image(path=(str(Path(find("rclone")).parent),)),
        "kubesim/busybox:*": Image(),
    }


class Kubesim:
    """
    A simulated cluster; a context manager.

    :param directory: for its state: claims, logs, the kubeconfig.
    :param image: further images, by name or pattern.
    """

    def __init__(self, directory: Path, extra_images: Mapping[str, Image] | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory.resolve()
        self.kubeconfig = self.directory / "kubeconfig"
        images.write({**(extra_images or {}), **default_images()}, self.directory / "images.json")
        command = ["unshare", "--mount", sys.executable, "-m", "tests.kubesim", "--directory", str(self.directory),
                   "--kubeconfig", str(self.kubeconfig)]  # fmt: skip
        self._server = Server(
            command, self.directory / "kubesim.log", {**os.environ, "PATH": _PATH, "PYTHONPATH": str(_ROOT)}
        )

    @property
    def pid(self) -> int:
        """Process id of the simulator, while it runs."""
        assert self._server.process is not None
        return self._server.process.pid

    def __enter__(self) -> Kubesim:
        _require_namespaces()
        self._server.start()
        self._server.wait_ready(self.kubeconfig.exists, timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(30, ask_children=False)
        if kind is None:
            for name in ("pods", "pv"):
                shutil.rmtree(self.directory / name, ignore_errors=True)


def _require_namespaces() -> None:
    if shutil.which("ip", path=_PATH) is None:
        raise RuntimeError("kubesim needs the program ip (Debian's iproute2).")
    done = subprocess.run(
        ["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            "kubesim needs namespaces, which this user may not make. Run the tests as root, or in a user namespace: "
            f"unshare --user --map-root-user --net --mount scripts/test tests/kubernetes ({done.stderr.strip()})"
        )
