"""Measures a repository (``restic stats``)."""

from __future__ import annotations

import json

from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository


def repository_size(repository: Repository) -> int:
    """
    Give the bytes that the data of all snapshots takes in the repository (``--mode raw-data``).

    :raises ResticError: restic failed.
    """
    output = run(repository, ["stats", "--mode", "raw-data", "--json", "--no-lock"])
    return int(json.loads(output.stdout)["total_size"])
