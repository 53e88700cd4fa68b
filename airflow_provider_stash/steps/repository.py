"""Cares for the repository: makes it, applies the retention policy, checks it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, ResticError
from airflow_provider_stash.restic.check import check
from airflow_provider_stash.restic.forget import forget
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps.layout import SNAPSHOT_PATHS
from airflow_provider_stash.steps.results import human_size, now, seconds_since
from airflow_provider_stash.steps.status import listed, measure_repository

log = logging.getLogger(__name__)

_MEASURED_FOR_SECONDS = 60


def initialize(repository: Repository, *, create: bool = True) -> dict[str, Any]:
    """
    Make sure that the repository is there.

    :param create: make it when there is none.
    :return: ``created``, ``id``, ``version`` (of the repository's format), ``location`` without credentials.
    :raises RepositoryNotFoundError: there is none, and it is not to be made.
    """
    info = ensure_repository(repository, initialize=create)
    log.info(
        "Repository %s (format %d) %s at %s",
        info.id[:10],
        info.version,
        "was made" if info.created else "is there",
        repository.redacted_location,
    )
    return {
        "created": info.created,
        "id": info.id,
        "version": info.version,
        "location": repository.redacted_location,
    }


def apply_retention(
    repository: Repository,
    policy: RetentionPolicy,
    *,
    hostname: str | None = None,
    tags: Sequence[str] = (),
    lock_timeout: float = 600.0,
) -> dict[str, Any]:
    """
    Forget the snapshots that the retention policy does not keep: those that Stash made count with our own.

    :param hostname: only snapshots of this restic host; None: of every host, each by itself.
    :param tags: only snapshots that have all of these tags.
    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``kept`` and ``removed`` (ids), ``reasons`` (by id), ``freed`` (bytes; None: restic didn't
        tell), ``dryRun``, ``pruned``, ``duration``; unless it was a dry run ``listed``, what is told of those kept, see
        ``steps.status.listed``.
    """
    begin = now()
    result = forget(
        repository,
        policy,
        host=hostname,
        tags=tags,
        one_series=SNAPSHOT_PATHS,
        lock_timeout=lock_timeout,
    )
    freed = result.freed_bytes
    log.info(
        "%s %d snapshots, kept %d%s",
        "Would remove" if policy.dry_run else "Removed",
        len(result.removed),
        len(result.kept),
        "" if freed is None else f", freed {human_size(freed)}",
    )
    return {
        "kept": [one.id for one in result.kept],
        "removed": list(result.removed),
        "reasons": {key: list(value) for key, value in result.reasons.items()},
        "freed": freed,
        "dryRun": policy.dry_run,
        "pruned": policy.prune and not policy.dry_run,
        "listed": None if policy.dry_run else listed(result.kept),
        "duration": seconds_since(begin),
    }


def check_integrity(
    repository: Repository,
    *,
    read_data: bool = False,
    read_data_subset: str | None = None,
    lock_timeout: float = 600.0,
    measure: bool = False,
    known: int | None = None,
) -> dict[str, Any]:
    """
    Check the repository (``restic check``).

    :param read_data: read and verify all data, not its structure alone.
    :param read_data_subset: read a part of it: ``n/t`` (the n-th of t parts), a percentage, or a size;
        ``rotate/t``: another of t parts each day.
    :param measure: measure the repository meanwhile, for its status. Where the check takes longer than a minute,
        because it has to wait or reads data, what was measured is dropped as too old.
    :param known: how many snapshots retention has left, see ``measure_repository``.
    :return: ``integrity``, ``errors``, ``readData`` (``all``, the subset, or None), ``duration``; where it was measured
        also ``measured``, see ``measure_repository``.
    :raises ResticError: the repository could not be looked at, which says nothing of its integrity.
    """
    begin = now()
    read_data_subset = _todays_part(read_data_subset)
    with ThreadPoolExecutor(1) as pool:
        # Side by side: each restic spends most of its time on the repository's key.
        measured = pool.submit(_measured, repository, known) if measure else None
        result = check(
            repository,
            read_data=read_data,
            read_data_subset=read_data_subset,
            lock_timeout=lock_timeout,
            follow=log.info,
        )
    for error in result.errors:
        log.error("%s", error)
    return {
        "integrity": result.integrity,
        "errors": list(result.errors),
        "readData": "all" if read_data else read_data_subset,
        "duration": seconds_since(begin),
        **(measured.result() if measured and seconds_since(begin) < _MEASURED_FOR_SECONDS else {}),
    }


def _measured(repository: Repository, known: int | None) -> dict[str, Any]:
    try:
        return {"measured": measure_repository(repository, known=known)}
    except ResticError as error:
        log.warning("The repository could not be measured beside the check: %s", error)
        return {}


def _todays_part(subset: str | None) -> str | None:
    """Turn ``rotate/t`` into ``n/t`` by the day, so that all is read within t days."""
    if subset is None or not subset.startswith("rotate/"):
        return subset
    parts = subset.removeprefix("rotate/")
    if not parts.isdecimal() or int(parts) < 1:
        raise InvalidConfigurationError(
            f"read_data_subset is {subset!r}: give 'rotate/7' for a seventh a day."
        )
    return f"{now().toordinal() % int(parts) + 1}/{parts}"
