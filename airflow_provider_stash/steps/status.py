"""Tells a repository's status, as Stash's ``Repository.status`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.restic.snapshots import Snapshot, list_snapshots
from airflow_provider_stash.restic.stats import repository_size
from airflow_provider_stash.steps.resolve import snapshot_result
from airflow_provider_stash.steps.results import rfc3339

if TYPE_CHECKING:
    from airflow_provider_stash.restic.repository import Repository


def repository_status(
    repository: Repository,
    *,
    integrity: bool | None = None,
    forgotten: Mapping[str, Any] | None = None,
    newest: int = 100,
) -> dict[str, Any]:
    """
    Measure the repository and tell its status.

    :param integrity: what the last check found; None: not known.
    :param forgotten: what ``apply_retention`` returned in this run, if it ran.
    :param newest: how many snapshots are listed, the newest first.
    :return: see ``status_of``.
    :raises ResticError: restic failed.
    """
    return status_of(measure_repository(repository, newest=newest), integrity=integrity, forgotten=forgotten)


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
