"""Makes a repository's index anew from its packs (``restic repair index``)."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version


def rebuild_index(
    repository: Repository,
    *,
    read_all_packs: bool = False,
    lock_timeout: float = 600.0,
    follow: Callable[[str], None] | None = None,
) -> None:
    """
    Make the index anew.

    :param read_all_packs: read every pack, instead of those that the index misses.
    :param lock_timeout: seconds to wait while the repository is locked.
    :param follow: called with each line that restic writes, progress among them.
    :raises ResticError: restic failed.
    """
    has_repair = restic_version(repository.restic).has_repair
    arguments = ["repair", "index"] if has_repair else ["rebuild-index"]
    if read_all_packs:
        arguments.append("--read-all-packs")
    retry_when_locked(
        lambda: run(repository, arguments, follow=follow), repository, lock_timeout=lock_timeout
    )
