"""Measures a repository (``restic stats``)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository


@dataclass(frozen=True, slots=True)
class RepositoryStats:
    """
    What a repository holds.

    :param size: bytes that the data of all snapshots takes in it.
    :param snapshots: how many there are.
    """

    size: int
    snapshots: int


def repository_stats(repository: Repository) -> RepositoryStats:
    """
    Measure all snapshots (``--mode raw-data``). No lock is taken.

    :raises ResticError: restic failed.
    """
    output = run(repository, ["stats", "--mode", "raw-data", "--json", "--no-lock"])
    stats = json.loads(output.stdout)
    return RepositoryStats(int(stats["total_size"]), int(stats["snapshots_count"]))
