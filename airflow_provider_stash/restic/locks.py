"""Waits for a locked repository. Only restic's own rule for stale locks ever removes one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_stash.exceptions import RepositoryLockedError, ResticError
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
_TELL_SECONDS = 60.0


def unlock(repository: Repository) -> None:
    """
    Remove stale locks (``restic unlock``): of processes of this host that are gone, or older than 30 minutes.

    :raises ResticError: restic failed.
    """
    run(repository, ["unlock"])


def retry_when_locked(attempt: Callable[[], _T], repository: Repository, *, lock_timeout: float) -> _T:
    """
    Try until the repository is not locked; stale locks are removed by restic's rule.

    restic says that the repository is locked before it reads or changes anything, so an attempt may be
    made anew, also a backup from a stream.

    :param attempt: made at least once.
    :param lock_timeout: seconds.
    :return: what the attempt gave.
    :raises RepositoryLockedError: it is still locked when the time is over.
    """
    begin, wait, told = time.monotonic(), _FIRST_WAIT, 0.0
    while True:
        try:
            return attempt()
        except RepositoryLockedError as error:
            waited = time.monotonic() - begin
            if waited + wait > lock_timeout:
                raise RepositoryLockedError(
                    f"{error} It was waited for {waited:.0f} s. A lock of a process that is gone is removed when "
                    "it is 30 minutes old; see docs/troubleshooting, 'locked repository'."
                ) from error
            if not told or time.monotonic() - told > _TELL_SECONDS:
                log.warning("Waiting: %s", error)
                told = time.monotonic()
        try:
            unlock(repository)
        except ResticError as error:
            log.warning("Stale locks could not be looked for: %s", error)
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
