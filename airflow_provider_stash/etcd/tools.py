"""Finds etcdutl or etcdctl, knows what its version can do, and runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_stash.commands import run_all
from airflow_provider_stash.exceptions import EtcdToolError

Version = tuple[int, int, int]

_VERSION = re.compile(r"version: v?(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_TELLING = ("Error: ", "panic: ", "fatal error: ", "unexpected fault ")
_MOST_LINES = 3
_GRAVE = {"error", "panic", "fatal"}
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

    def require_bump_revision(self) -> None:
        """
        Refuse to move revisions on with a tool that can't.

        :raises EtcdToolError: it is too old.
        """
        if not self.knows_bump_revision:
            raise EtcdToolError(
                f"{self.path} {self.version_text} does not know --bump-revision (etcd 3.4.27, 3.5.10 or later "
                "does). Install a later one on this host, or turn the revision bump off."
            )

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
                said = telling_lines(one.errors) or one.failure
                raise EtcdToolError(f"{' '.join(command[:3])} failed: {said}")
        return [one.output for one in finished]


def telling_lines(text: str) -> str:
    """
    Pick what matters from the output of a program of etcd, which ends in its usage or in stack traces.

    :param text: its output: lines of its log (JSON), panics, errors.
    :return: the first few lines that say what is wrong; empty when there are none.
    """
    found: dict[str, None] = {}
    for line in text.splitlines():
        if line.startswith(_TELLING):
            found[line.removeprefix("Error: ").strip()] = None
        elif line.startswith("{"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("level") in _GRAVE:
                found[": ".join(str(entry[key]) for key in ("msg", "error") if entry.get(key))] = None
    return " | ".join(list(found)[:_MOST_LINES])


def find_tool(path: str | None = None) -> EtcdTool:
    """
    Find the program that restores snapshots: ``etcdutl`` (3.5 and later), else ``etcdctl`` (before 3.6).

    One that does not run is passed over for the next.

    :param path: of the program, or a directory that holds it; None: look on PATH.
    :raises EtcdToolError: there is none that works.
    """
    directory = path if path and os.path.isdir(path) else None  # noqa: PTH112 - a name on PATH is no Path
    names = [path] if path and directory is None else ["etcdutl", "etcdctl"]
    broken: EtcdToolError | None = None
    for name in names:
        found = shutil.which(name, path=directory)
        if found:
            try:
                return _tool(found)
            except EtcdToolError as error:
                broken = broken or error
    if broken is not None:
        raise broken
    where = f"in the directory {directory}" if directory else "on PATH"
    missing = (
        f"There is no program {path}" if path and directory is None else f"No etcdutl or etcdctl is {where}"
    )
    raise EtcdToolError(
        f"{missing}: install etcd's own tools (etcdutl of etcd 3.5 or later) where the restore runs, or say "
        "where they are."
    )


def _tool(path: str) -> EtcdTool:
    output = EtcdTool(path, (0, 0, 0)).run(["version"], timeout=30)
    match = _VERSION.search(output)
    if match is None:
        raise EtcdToolError(
            f"{path} did not tell its version; is it etcd's own tool? It said: {output[:200]!r}"
        )
    tool = EtcdTool(path, (int(match[1]), int(match[2]), int(match[3])))
    if output.lstrip().startswith("etcdctl") and tool.version >= (3, 6, 0):
        raise EtcdToolError(
            f"{path} is etcdctl {tool.version_text}, which restores no snapshots any more: install etcdutl."
        )
    return tool
