"""Tells a repository's status, as Stash's ``Repository.status`` does."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import RepositoryNotFoundError
from airflow_provider_stash.restic.snapshots import Snapshot, list_snapshots
from airflow_provider_stash.restic.stats import repository_stats
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
        measured = {"totalSize": 0, **listed([]), "location": repository.redacted_location}
    return status_of(measured, integrity=integrity, forgotten=forgotten)


def measure_repository(
    repository: Repository, *, newest: int = 100, known: int | None = None
) -> dict[str, Any]:
    """
    Read what a repository holds. No lock is taken.

    :param newest: how many snapshots are listed, the newest first.
    :param known: how many snapshots retention has left, and listed. Where the repository holds as many, these are all,
        and they are not read again; None: they have not been listed.
    :return: ``totalSize`` (bytes), ``location``, and unless they are known what ``listed`` tells of the snapshots.
    :raises ResticError: restic failed.
    """
    if known is not None:
        stats = repository_stats(repository)
        others = {} if stats.snapshots == known else listed(list_snapshots(repository), newest=newest)
    else:
        # Side by side: each restic spends most of its time on the repository's key.
        with ThreadPoolExecutor(1) as pool:
            measured = pool.submit(repository_stats, repository)
            others = listed(list_snapshots(repository), newest=newest)
            stats = measured.result()
    return {"totalSize": stats.size, **others, "location": repository.redacted_location}


def listed(snapshots: Iterable[Snapshot], *, newest: int = 100) -> dict[str, Any]:
    """
    Tell all snapshots of a repository.

    :param newest: how many are listed.
    :return: ``snapshotCount``, ``firstBackupTime``, ``lastBackupTime``, and ``snapshots``, the newest first, see
        ``snapshot_result``.
    """
    by_time = sorted(snapshots, key=lambda one: one.time, reverse=True)
    return {
        "snapshotCount": len(by_time),
        "firstBackupTime": _time(by_time[-1:]),
        "lastBackupTime": _time(by_time[:1]),
        "snapshots": [snapshot_result(one) for one in by_time[:newest]],
    }


def known_snapshots(forgotten: Mapping[str, Any] | None) -> int | None:
    """
    Tell how many snapshots retention has left and listed.

    :param forgotten: what ``apply_retention`` returned, if it ran.
    :return: None where it has listed none: it did not run, or removed nothing in earnest.
    """
    known = (forgotten or {}).get("listed")
    return known["snapshotCount"] if known else None


def status_of(
    measured: Mapping[str, Any], *, integrity: bool | None, forgotten: Mapping[str, Any] | None
) -> dict[str, Any]:
    """
    Put a status together.

    :param measured: what ``measure_repository`` returned.
    :param integrity: what the last check found; None: not known.
    :param forgotten: what ``apply_retention`` returned in this run, if it ran.
    :return: ``integrity``, ``snapshotsRemovedOnLastCleanup``, and what was measured and listed.
    """
    known = (forgotten or {}).get("listed") or {}
    return {
        "integrity": integrity, "snapshotsRemovedOnLastCleanup": _removed(forgotten), **known, **measured
    }  # fmt: skip


def _removed(forgotten: Mapping[str, Any] | None) -> int:
    if forgotten is None or forgotten["dryRun"]:
        return 0
    return len(forgotten["removed"])


def _time(snapshots: Sequence[Snapshot]) -> str | None:
    return rfc3339(snapshots[0].time) if snapshots else None
