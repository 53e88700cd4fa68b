"""Deletes snapshots (``restic forget ID``)."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository


def delete_snapshots(
    repository: Repository, snapshot_ids: Sequence[str], *, lock_timeout: float = 600.0
) -> None:
    """
    Delete snapshots, whatever they are tagged. Their data stays until a prune.

    :param snapshot_ids: whole ids; restic passes over one that is not there.
    :param lock_timeout: seconds to wait while the repository is locked.
    :raises ResticError: restic failed.
    """
    if not snapshot_ids:
        return
    arguments = ["forget", *snapshot_ids]
    retry_when_locked(lambda: run(repository, arguments), repository, lock_timeout=lock_timeout)
