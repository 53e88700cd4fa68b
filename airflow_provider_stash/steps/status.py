"""Tells a repository's status, as Stash's ``Repository.status`` does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import RepositoryNotFoundError
from airflow_provider_stash.restic.snapshots import Snapshot, list_snapshots
from airflow_provider_stash.restic.stats import repository_size
from airflow_provider_stash.steps.resolve import snapshot_result
from airflow_provider_stash.steps.results import rfc3339

if TYPE_CHECKING:
    from airflow_provider_stash.restic.repository import Repository

log = logging.getLogger(__name__)


def repository_status(
    repository: Repository,
    *,
    integrity: bool | None = None,
    forgotten: Mapping[str, Any] | None = None,
    newest: int = 100,
    absent_is_empty: bool = False,
) -> dict[str, Any]:
    """
    Measure the repository and tell its status.

    :param integrity: what the last check found; None: not known.
    :param forgotten: what ``apply_retention`` returned in this run, if it ran.
    :param newest: how many snapshots are listed, the newest first.
    :param absent_is_empty: a repository that is not there, for the first backup has not been, holds nothing; else it is
        an error.
    :return: see ``status_of``.
    :raises ResticError: restic failed.
    """
    try:
        measured = measure_repository(repository, newest=newest)
    except RepositoryNotFoundError as error:
        if not absent_is_empty:
            raise
        log.warning("%s", error)
        measured = _measured(repository, 0, [], newest)
    return status_of(measured, integrity=integrity, forgotten=forgotten)


def measure_repository(repository: Repository, *, newest: int = 100) -> dict[str, Any]:
    """
    Read what a repository holds. No lock is taken.

    :param newest: how many snapshots are listed, the newest first.
    :return: ``totalSize`` (bytes), ``snapshotCount``, ``firstBackupTime``, ``lastBackupTime``, ``snapshots`` (see
        ``snapshot_result``), ``location``.
    :raises ResticError: restic failed.
    """
    # Side by side: each restic spends most of its time on the repository's key.
    with ThreadPoolExecutor(1) as pool:
        measured = pool.submit(repository_size, repository)
        snapshots = sorted(list_snapshots(repository), key=lambda one: one.time)
        size = measured.result()
    return _measured(repository, size, snapshots, newest)


def _measured(
    repository: Repository, size: int, snapshots: Sequence[Snapshot], newest: int
) -> dict[str, Any]:
    return {
        "totalSize": size,
        "snapshotCount": len(snapshots),
        "firstBackupTime": _time(snapshots[:1]),
        "lastBackupTime": _time(snapshots[-1:]),
        "snapshots": [snapshot_result(one) for one in reversed(snapshots[-newest:])] if newest else [],
        "location": repository.redacted_location,
    }


def status_of(
    measured: Mapping[str, Any], *, integrity: bool | None, forgotten: Mapping[str, Any] | None
) -> dict[str, Any]:
    """
    Put a status together.

    :param measured: what ``measure_repository`` returned.
    :param integrity: what the last check found; None: not known.
    :param forgotten: what ``apply_retention`` returned in this run, if it ran.
    :return: ``integrity``, ``snapshotsRemovedOnLastCleanup``, and what was measured.
    """
    return {"integrity": integrity, "snapshotsRemovedOnLastCleanup": _removed(forgotten), **measured}


def _removed(forgotten: Mapping[str, Any] | None) -> int:
    if forgotten is None or forgotten["dryRun"]:
        return 0
    return len(forgotten["removed"])


def _time(snapshots: Sequence[Snapshot]) -> str | None:
    return rfc3339(snapshots[0].time) if snapshots else None
