"""Finds etcdutl or etcdctl, knows what its version can do, and runs it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_stash.commands import run_all
from airflow_provider_stash.exceptions import EtcdToolError

Version = tuple[int, int, int]

_VERSION = re.compile(r"version: v?(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_TIMEOUT = 3600.0


def parse_version(text: str) -> Version | None:
    """Read ``3.5.16`` (also ``v3.5.16``, ``3.6.0-rc.1``); None when it is no version."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


@dataclass(frozen=True, slots=True)
class EtcdTool:
    """
    An ``etcdutl`` or ``etcdctl`` that can read and restore snapshots.

    :param path: of the program.
    :param version: its version, three numbers.
    """

    path: str
    version: Version

    @property
    def version_text(self) -> str:
        """The version as etcd writes it."""
        return ".".join(map(str, self.version))

    @property
    def knows_bump_revision(self) -> bool:
        """Whether ``snapshot restore`` has ``--bump-revision`` and ``--mark-compacted``."""
        if self.version[:2] == (3, 4):
            return self.version >= (3, 4, 27)
        return self.version >= (3, 5, 10)

    def require_for(self, etcd_version: str) -> None:
        """
        Refuse a snapshot of an etcd that is newer than this tool by a minor version.

        :param etcd_version: version of the etcd that the snapshot is from; empty: not known, nothing refused.
        :raises EtcdToolError: the tool is older.
        """
        wanted = parse_version(etcd_version)
        if wanted and self.version[:2] < wanted[:2]:
            raise EtcdToolError(
                f"{self.path} is of version {self.version_text}, the snapshot is from etcd {etcd_version}: "
                f"a restore needs etcdutl {wanted[0]}.{wanted[1]} or later. Install it on this host; "
                "nothing was stopped or changed."
            )

    def run(self, arguments: Sequence[str], *, timeout: float = _TIMEOUT) -> str:
        """
        Run the tool to its end; it is killed with its group when this call is interrupted.

        :param arguments: the arguments after the program's name.
        :param timeout: seconds.
        :return: its standard output.
        :raises EtcdToolError: it failed; its last words are in the message.
        """
        return self.run_all([arguments], timeout=timeout)[0]

    def run_all(self, calls: Sequence[Sequence[str]], *, timeout: float = _TIMEOUT) -> list[str]:
        """
        Run the tool several times side by side; see ``run``.

        :return: the standard output of each.
        :raises EtcdToolError: with the first failure, after all have ended.
        """
        # ETCDCTL_* and ETCD_* of the surroundings would be read as flags.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ETCDCTL_", "ETCD_"))}
        environment["ETCDCTL_API"] = "3"  # 3.4's etcdctl needs it said
        commands = [[self.path, *arguments] for arguments in calls]
        finished = run_all(commands, timeout=timeout, env=environment)
        for command, one in zip(commands, finished, strict=True):
            if one.failure:
                raise EtcdToolError(f"{' '.join(command[:3])} failed: {one.failure}")
        return [one.output for one in finished]


def find_tool(path: str | None = None) -> EtcdTool:
    """
    Find the program that restores snapshots: ``etcdutl`` (3.5 and later), else ``etcdctl`` (before 3.6).

    :param path: of the program, or a directory that holds it; None: look on PATH.
    :raises EtcdToolError: there is none, or it doesn't tell its version.
    """
    directory = path if path and os.path.isdir(path) else None  # noqa: PTH112 - a name on PATH is no Path
    names = [path] if path and directory is None else ["etcdutl", "etcdctl"]
    broken: EtcdToolError | None = None
    for name in names:
        found = shutil.which(name, path=directory)
        if found:
            try:
                return EtcdTool(found, _version_of(found))
            except EtcdToolError as error:
                broken = error
    if broken is not None:
        raise broken
    raise EtcdToolError(
        f"Neither of {', '.join(names)} is to be found{f' in {directory}' if directory else ' on PATH'}: "
        "install etcd's own tools (etcdutl of etcd 3.5 or later) where the restore runs, or name their place."
    )


def _version_of(path: str) -> Version:
    output = EtcdTool(path, (0, 0, 0)).run(["version"], timeout=30)
    match = _VERSION.search(output)
    if match is None:
        raise EtcdToolError(
            f"{path} did not tell its version; is it etcd's own tool? It said: {output[:200]!r}"
        )
    return int(match[1]), int(match[2]), int(match[3])
