"""The etcd addon's Tasks, built in: their names, their parameters, and the flags of etcdctl in ``args``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from airflow_provider_stash.resources.refusal import Refused, nearest

_NAME = re.compile(r"^etcd-(backup|restore)-\d[0-9A-Za-z.-]*$")
WAIT_TIMEOUT = 300.0
"""Seconds, as in the addon."""

_COMMON = {
    "waitTimeout": "seconds to wait for etcd",
    "args": "see each flag",
    "outputDir": "no effect: results are XComs",
    "secretVolume": "no effect: secrets come from connections",
}
WORKLOAD_PARAMS = ("workloadKind", "workloadName", "dataDir", "initialCluster", "initialClusterToken")
"""What tells a restore where the members run."""

_RESTORE = {
    **_COMMON,
    "initialCluster": "the workload: members and their peer URLs",
    "initialClusterToken": "the workload",
    "dataDir": "the workload",
    "workloadKind": "the workload",
    "workloadName": "the workload",
    "storageClass": "no effect: old Stash's interim volumes",
    "storageSize": "no effect: old Stash's interim volumes",
}
_TIMING = (
    "no effect: the client here has its own time limits (the etcd connection's, and the watch on a stream)"
)
_FLAGS: Mapping[str, str] = {
    "dial-timeout": _TIMING,
    "command-timeout": _TIMING,
    "keepalive-time": _TIMING,
    "keepalive-timeout": _TIMING,
    "insecure-transport": "no effect: http or https in the AppBinding decides",
    "insecure-skip-tls-verify": "the etcd connection: any certificate is taken",
    "write-out": "no effect: results are XComs",
    "hex": "no effect: results are XComs",
    "debug": "no effect: set Airflow's log level",
    "bump-revision": "how far revisions move on",
    "mark-compacted": "no effect: done whenever revisions move on",
}
_VALUELESS = {"insecure-transport", "insecure-skip-tls-verify", "hex", "debug", "mark-compacted"}
_OF_APPBINDING = {"endpoints", "cacert", "cert", "key", "user", "password"}


@dataclass(frozen=True)
class EtcdParams:
    """
    The parameters of an etcd Task.

    :param values: by name.
    :param wait_timeout: seconds.
    :param flags: of etcdctl, by name.
    :param places: where each parameter went, by name.
    """

    values: Mapping[str, str]
    wait_timeout: float = WAIT_TIMEOUT
    flags: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def insecure(self) -> bool:
        """Whether any certificate is to be taken."""
        return self.flags.get("insecure-skip-tls-verify", "false") not in {"false", "0"}

    @property
    def initial_cluster(self) -> dict[str, list[str]]:
        """Peer URLs by member name."""
        members: dict[str, list[str]] = {}
        for entry in filter(None, map(str.strip, self.values.get("initialCluster", "").split(","))):
            name, equals, url = entry.partition("=")
            if not equals or "://" not in url:
                raise Refused("initialCluster", f"{entry!r} is not of the form name=http[s]://host:port.")
            members.setdefault(name.strip(), []).append(url.strip())
        return members


def action_of(name: str) -> str | None:
    """Tell what a built-in Task does, by its name: ``backup`` or ``restore``; None: it is none of etcd's."""
    match = _NAME.match(name)
    return match[1] if match else None


def read_params(values: Mapping[str, str], action: str) -> EtcdParams:
    """
    Read the parameters of an etcd Task.

    :param values: by name.
    :param action: ``backup`` or ``restore``.
    :raises Refused: with the parameter's name as field, for one that is unknown or can't be meant.
    """
    known = _RESTORE if action == "restore" else _COMMON
    for name in values:
        if name not in known:
            raise Refused(name, f"is not a parameter of an etcd {action}.{nearest(name, known)}")
    wait = values.get("waitTimeout", "").strip()
    if wait and not (wait.isdigit() and int(wait)):
        raise Refused("waitTimeout", f"is {wait!r}; give a whole number of seconds above zero.")
    flags = dict(_flags(values.get("args", ""), action))
    places = {name: known[name] for name in values}
    if flags:
        places["args"] = "; ".join(f"--{name}: {_FLAGS[name]}" for name in flags)
    return EtcdParams(values, float(wait) if wait else WAIT_TIMEOUT, flags, places)


def _flags(text: str, action: str) -> Iterator[tuple[str, str]]:
    words = text.split()  # as Stash splits them
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("--"):
            raise Refused(
                "args", f"holds {word!r}; only flags of etcdctl can be meant, such as --dial-timeout=2s."
            )
        if name in _OF_APPBINDING:
            raise Refused("args", f"holds --{name}; that belongs into the AppBinding and its Secret.")
        if name not in _FLAGS or (name in {"bump-revision", "mark-compacted"} and action == "backup"):
            raise Refused("args", f"holds --{name}, which can't be done here.{nearest(name, _FLAGS)}")
        if not equals and name not in _VALUELESS:
            if not words:
                raise Refused("args", f"holds --{name} without a value.")
            value = words.pop(0)
        if name == "bump-revision" and not value.isdigit():
            raise Refused("args", f"holds --bump-revision={value}; give a whole number.")
        yield name, value or "true"
