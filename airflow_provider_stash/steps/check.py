"""Checks a repository's integrity, and measures it meanwhile."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, StashError
from airflow_provider_stash.restic.check import check
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.results import now, seconds_since
from airflow_provider_stash.steps.status import measure_repository

log = logging.getLogger(__name__)

_MEASURED_FOR_SECONDS = 60


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
    :raises StashError: the repository could not be looked at, which says nothing of its integrity.
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
    except StashError as error:
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
