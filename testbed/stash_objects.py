"""Stash's API objects, pointed at servers of the testbed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from testbed.etcd_access import EtcdAccess


def read_objects(directory: Path) -> dict[str, dict[str, Any]]:
    """Read a directory of manifests, one object each, by their files' names."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(directory.glob("*.yaml"))}


def write_objects(directory: Path, objects: Mapping[str, Mapping[str, Any]]) -> None:
    """Write objects, one file each."""
    directory.mkdir(exist_ok=True)
    for name, one in objects.items():
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(one))


def secret(name: str, **values: str | bytes) -> dict[str, Any]:
    """Make a Secret of the namespace ``demo``."""
    data = {
        key: _base64(value if isinstance(value, bytes) else value.encode()) for key, value in values.items()
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "demo"},
        "data": data,
    }


def point_appbinding(appbinding: dict[str, Any], cluster: EtcdAccess) -> None:
    """Change an AppBinding to the address and the CA of a cluster."""
    config = cluster.config()
    appbinding["spec"]["clientConfig"] = {
        "url": ",".join(endpoint.url for endpoint in config.endpoints),
        **({"caBundle": _base64(config.ca_cert)} if config.ca_cert else {}),
    }


def point_repository(repository: dict[str, Any], directory: Path) -> None:
    """Change a Repository to a directory; its storage Secret stays."""
    backend = repository["spec"]["backend"]
    repository["spec"]["backend"] = {
        "local": {"hostPath": {"path": str(directory)}, "mountPath": "/safe/data", "subPath": "etcd"},
        "storageSecretName": backend["storageSecretName"],
    }


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
