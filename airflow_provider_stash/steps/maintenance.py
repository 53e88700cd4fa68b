"""What is done to a repository now and then: prunes it, migrates it to format 2."""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_stash.restic.migrate import FORMAT, migrate_to_v2
from airflow_provider_stash.restic.prune import PruneOptions, prune
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.results import human_size, now, seconds_since

log = logging.getLogger(__name__)


def prune_repository(
    repository: Repository, options: PruneOptions, *, lock_timeout: float = 600.0
) -> dict[str, Any]:
    """
    Free the space of data that no snapshot needs.

    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``freed`` (bytes, those that would be with ``dry_run``; None: restic didn't tell), ``dryRun``,
        ``duration``.
    :raises ResticError: restic failed.
    """
    begin = now()
    freed = prune(repository, options, lock_timeout=lock_timeout, follow=log.info)
    if freed is not None:
        log.info("%s %s", "Would free" if options.dry_run else "Freed", human_size(freed))
    return {"freed": freed, "dryRun": options.dry_run, "duration": seconds_since(begin)}


def migrate_repository(repository: Repository, *, lock_timeout: float = 600.0) -> dict[str, Any]:
    """
    Migrate the repository to format 2, which compresses what is written from then on.

    restic before 0.14, Stash's among them, can't open it afterwards.

    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``migrated`` (false: it was of format 2 already), ``version``, ``duration``.
    :raises ResticError: restic failed, or the repository is damaged; then nothing was changed.
    """
    begin = now()
    migrated = migrate_to_v2(repository, lock_timeout=lock_timeout, follow=log.info)
    log.info(
        "Repository %s %s of format %d",
        repository.redacted_location,
        "is now" if migrated else "was already",
        FORMAT,
    )
    return {"migrated": migrated, "version": FORMAT, "duration": seconds_since(begin)}
