"""Reads from a Pod's spec how etcd runs in it: container, data directory, peers, volume, probes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError

_ASSIGNMENT = re.compile(r"\b(\w+)=(\"[^\"]*\"|'[^']*'|[^\s;]+)")
_VARIABLE = re.compile(r"\$\((\w+)\)|\$\{(\w+)\}|\$(\w+)")
_ASKS_ETCD = ("httpGet", "exec", "grpc")


@dataclass(frozen=True)
class EtcdPod:
    """
    How etcd runs in a Pod.

    :param container: the container's mapping.
    :param data_dir: etcd's ``--data-dir``.
    :param peer_urls: by member name, of ``--initial-cluster``.
    :param token: ``--initial-cluster-token``; None: none was given to this restore.
    :param mount: the volume mount that the data directory lies in.
    """

    container: Mapping[str, Any]
    data_dir: str
    peer_urls: Mapping[str, Sequence[str]]
    token: str | None
    mount: Mapping[str, Any]

    @property
    def waits_for_peers(self) -> str | None:
        """Name of the probe that keeps the Pod from being ready while the member's peers are down; None: none."""
        for name in ("startupProbe", "readinessProbe"):
            if any(kind in (self.container.get(name) or {}) for kind in _ASKS_ETCD):
                return name
        return None


def read_pod(
    spec: Mapping[str, Any],
    *,
    where: str,
    container: str | None = None,
    data_dir: str | None = None,
    initial_cluster: str | None = None,
    initial_cluster_token: str | None = None,
) -> EtcdPod:
    """
    Read a PodSpec; what is given here is not looked for.

    :param spec: the PodSpec.
    :param where: names it, for errors.
    :param container: etcd's container.
    :param data_dir: etcd's ``--data-dir``.
    :param initial_cluster: etcd's ``--initial-cluster``.
    :param initial_cluster_token: for the restored cluster.
    :raises InvalidConfigurationError: something can't be told, or is not supported.
    """
    found = _container(spec, container, where)
    flags = _Flags(found)
    directory = data_dir or flags.get("data-dir")
    peers = initial_cluster or flags.get("initial-cluster")
    for name, value in (("data_dir", directory), ("initial_cluster", peers)):
        if value is None:
            raise InvalidConfigurationError(
                f"{where}: {name} can't be read from container {found['name']!r}; give it: "
                f"{name}='{'/var/run/etcd' if name == 'data_dir' else 'etcd-0=http://etcd-0.etcd:2380,...'}'."
            )
    if flags.names("wal-dir"):
        raise InvalidConfigurationError(
            f"{where}: a write-ahead log elsewhere (--wal-dir) is not supported. Nothing was stopped or changed."
        )
    assert directory is not None
    assert peers is not None
    return EtcdPod(
        container=found,
        data_dir=directory.rstrip("/"),
        peer_urls=parse_initial_cluster(peers),
        token=initial_cluster_token,
        mount=_mount(found, directory.rstrip("/"), where),
    )


def parse_initial_cluster(text: str) -> dict[str, list[str]]:
    """
    Read ``name=url,name=url``; a member with several URLs is named several times.

    :raises InvalidConfigurationError: it is no such list.
    """
    found: dict[str, list[str]] = {}
    for part in text.split(","):
        name, equals, url = part.strip().partition("=")
        if not (name and equals and url.startswith(("http://", "https://"))):
            raise InvalidConfigurationError(
                f"initial_cluster has {part.strip()!r}: give name=URL, separated by commas."
            )
        found.setdefault(name, []).append(url)
    return found


class _Flags:
    """Flags of a container's command line, which may be a shell's script, and etcd's variables."""

    def __init__(self, container: Mapping[str, Any]) -> None:
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        self._text = "\n".join(map(str, words))
        self._variables = {
            one["name"]: one["value"] for one in container.get("env") or () if one.get("value")
        }
        for name, value in _ASSIGNMENT.findall(self._text):
            self._variables.setdefault(name, value.strip("\"'"))

    def names(self, flag: str) -> bool:
        """Tell whether the flag is there, whatever its value."""
        return re.search(rf"--{flag}\b", self._text) is not None or self._name(flag) in self._variables

    def get(self, flag: str) -> str | None:
        """Give the flag's value; None: it is not there, or depends on what only the Pod knows."""
        match = re.search(rf"--{flag}(?:=|\s+)(\"[^\"]*\"|'[^']*'|[^\s\\]+)", self._text)
        value = match[1].strip("\"'") if match else self._variables.get(self._name(flag))
        if value is None:
            return None
        for _ in range(3):  # a variable's value may name others
            value = _VARIABLE.sub(self._replace, value)
        return None if "$" in value else value

    @staticmethod
    def _name(flag: str) -> str:
        return f"ETCD_{flag.replace('-', '_').upper()}"

    def _replace(self, match: re.Match[str]) -> str:
        return str(self._variables.get(match[1] or match[2] or match[3], match[0]))


def _container(spec: Mapping[str, Any], name: str | None, where: str) -> Mapping[str, Any]:
    containers: Sequence[Mapping[str, Any]] = spec["containers"]
    if name is not None:
        wanted = [one for one in containers if one["name"] == name]
    elif len(containers) == 1:
        wanted = list(containers)
    else:
        wanted = [one for one in containers if _Flags(one).names("data-dir")]
        wanted = wanted or [one for one in containers if one["name"] == "etcd"]
    if len(wanted) != 1:
        names = ", ".join(one["name"] for one in containers)
        raise InvalidConfigurationError(
            f"{where}: which container is etcd's? Give container=..., one of {names}."
        )
    return wanted[0]


def _mount(container: Mapping[str, Any], data_dir: str, where: str) -> Mapping[str, Any]:
    """Find the volume mount that holds the data directory: the one nearest above it."""
    above = [
        one
        for one in container.get("volumeMounts") or ()
        if f"{data_dir}/".startswith(f"{one['mountPath'].rstrip('/')}/")
    ]
    if not above:
        raise InvalidConfigurationError(
            f"{where}: {data_dir} lies on no volume of container {container['name']!r}: such data is gone with the "
            "Pod, and there is nothing to restore into."
        )
    mount: Mapping[str, Any] = max(above, key=lambda one: len(one["mountPath"]))
    if mount.get("subPathExpr"):
        raise InvalidConfigurationError(
            f"{where}: the mount of {data_dir} has a subPathExpr, which is not supported."
        )
    return mount
