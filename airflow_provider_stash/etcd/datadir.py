"""Reads a snapshot file and builds a member's data directory from it, with etcd's own tools."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.etcd.snapshot import SHA256_SIZE
from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import SnapshotCorruptError

_PAGE = 512
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class SnapshotFileStatus:
    """What ``etcdutl snapshot status`` reads from a snapshot file: it opens the whole database for it."""

    hash: int
    revision: int
    total_key: int
    total_size: int


def check_sha256(snapshot: Path) -> str:
    """
    Compare a snapshot file's content with the sha256 in its last 32 bytes.

    :return: the sha256, in hex.
    :raises SnapshotCorruptError: they differ, or there is none (a copy of ``member/snap/db`` has none).
    """
    size = snapshot.stat().st_size
    if size % _PAGE != SHA256_SIZE:
        raise SnapshotCorruptError(
            f"{snapshot.name} has {size} bytes: a snapshot is a whole number of {_PAGE}-byte pages and "
            f"{SHA256_SIZE} bytes of sha256. It was cut short, or is no etcd snapshot."
        )
    digest, left = hashlib.sha256(), size - SHA256_SIZE
    with snapshot.open("rb") as file:
        while left:
            block = file.read(min(_READ, left))
            if not block:
                break
            digest.update(block)
            left -= len(block)
        if file.read(SHA256_SIZE) != digest.digest():
            raise SnapshotCorruptError(
                f"{snapshot.name} is corrupt: its content is not that of its own sha256. "
                "Choose another snapshot."
            )
    return digest.hexdigest()


def snapshot_status(tool: EtcdTool, snapshot: Path) -> SnapshotFileStatus:
    """
    Read a snapshot file's revision, hash and number of revisions kept (``etcdutl snapshot status``).

    :raises EtcdToolError: the tool can't read it.
    """
    status = json.loads(tool.run(["snapshot", "status", str(snapshot), "--write-out", "json"]))
    return SnapshotFileStatus(
        hash=status["hash"],
        revision=status["revision"],
        total_key=status["totalKey"],
        total_size=status["totalSize"],
    )


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
    calls = []
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
        calls.append([*common, *own])
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
