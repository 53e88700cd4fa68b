"""Migrates a repository to format 2, which compresses (``restic migrate upgrade_repo_v2``)."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_stash.exceptions import RepositoryDamagedError
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

FORMAT = 2


def migrate_to_v2(
    repository: Repository,
    *,
    lock_timeout: float = 600.0,
    follow: Callable[[str], None] | None = None,
) -> bool:
    """
    Migrate the repository to format 2. restic checks it first; what is stored is not touched.

    restic before 0.14, Stash's among them, can't open the repository afterwards.

    :param lock_timeout: seconds to wait while the repository is locked.
    :param follow: called with each line that restic writes, progress among them.
    :return: whether it was migrated; False: it had been before.
    :raises RepositoryDamagedError: restic's check found errors; nothing was changed.
    :raises ResticError: restic failed.
    """
    if ensure_repository(repository, initialize=False).version >= FORMAT:
        return False
    output = retry_when_locked(
        lambda: run(repository, ["migrate", "upgrade_repo_v2"], follow=follow),
        repository,
        lock_timeout=lock_timeout,
    )
    # restic ends well also when its check forbids the migration.
    if ensure_repository(repository, initialize=False).version < FORMAT:
        words = " | ".join(line for line in (output.stderr or output.stdout).splitlines() if line.strip())
        raise RepositoryDamagedError(
            f"{repository.redacted_location} was not migrated, and is as it was: {words[-500:]} "
            "Look at docs/troubleshooting, 'damaged repository'."
        )
    return True
