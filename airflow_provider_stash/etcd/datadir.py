"""Builds members' data directories from a snapshot file, with etcd's own tools."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.etcd.tools import EtcdTool


@dataclass(frozen=True, slots=True)
class NewMember:
    """
    A member to build a data directory for.

    :param name: the member's name, a key of the initial cluster.
    :param data_dir: made by the build; must not exist.
    """

    name: str
    data_dir: Path


def build_data_dirs(
    tool: EtcdTool,
    snapshot: Path,
    members: Sequence[NewMember],
    *,
    initial_cluster: Mapping[str, Sequence[str]],
    token: str,
    bump_revision: int = 0,
) -> None:
    """
    Build members' data directories from one snapshot, side by side (``etcdutl snapshot restore``).

    The first build compares the file with its sha256. The others leave that out, which halves their time: it is the
    same file, and when it is corrupt the call fails.

    :param snapshot: the file, with its sha256 at the end.
    :param members: those to build here; the cluster may have others elsewhere.
    :param initial_cluster: peer URLs by member name, the same for all members.
    :param token: initial cluster token; with the peer URLs it makes the new cluster's id.
    :param bump_revision: how far every revision is moved on, with the result marked as compacted, so that
        no watcher mistakes the past for the present; 0: not at all.
    :raises EtcdToolError: the tool failed, or doesn't know ``--bump-revision``.
    """
    common = [
        "snapshot", "restore", str(snapshot),
        "--initial-cluster", ",".join(f"{n}={url}" for n, urls in initial_cluster.items() for url in urls),
        "--initial-cluster-token", token,
    ]  # fmt: skip
    if bump_revision:
        tool.require_bump_revision()
        common += ["--bump-revision", str(bump_revision), "--mark-compacted"]
    calls: list[list[str]] = []
    for member in members:
        urls = ",".join(initial_cluster[member.name])
        own = [
            "--name",
            member.name,
            "--data-dir",
            str(member.data_dir),
            "--initial-advertise-peer-urls",
            urls,
        ]
        calls.append([*common, *own, *(["--skip-hash-check"] if calls else [])])
    tool.run_all(calls)


def in_use(data_dir: Path) -> bool:
    """
    Tell whether an etcd runs on a data directory: it holds a lock on its database file.

    :raises PermissionError: the file may not be opened.
    """
    try:
        fd = os.open(data_dir / "member" / "snap" / "db", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
