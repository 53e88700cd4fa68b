"""Finds a file in a snapshot (``restic ls``)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from airflow_provider_stash.exceptions import SnapshotNotFoundError
from airflow_provider_stash.restic.process import json_lines, run
from airflow_provider_stash.restic.repository import Repository

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file in a snapshot: its path, and its size in bytes."""

    path: str
    size: int


def find_file(repository: Repository, snapshot_id: str, name: str) -> SnapshotFile:
    """
    Find the one file of this name, in whatever directory: restic versions and Stash put it in different ones.

    :raises SnapshotNotFoundError: the snapshot has none, or several.
    """
    output = run(repository, ["ls", snapshot_id, "--json", "--no-lock"])
    files = [
        SnapshotFile(node["path"], node.get("size", 0))
        for node in map(json.loads, json_lines(output.stdout))
        if node.get("struct_type") == "node" and node.get("type") == "file"
    ]
    fitting = [file for file in files if file.path.rpartition("/")[2] == name]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(file.path for file in files[:_SHOWN]) or "no file"
    raise SnapshotNotFoundError(
        f"Snapshot {snapshot_id[:8]} in {repository.redacted_location} has {len(fitting)} files named {name}, "
        f"where one is wanted: it holds {there}. Choose a snapshot that an etcd backup made."
    )
