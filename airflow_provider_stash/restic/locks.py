"""Waits for a locked repository, and tells who holds it. Only restic's own rule for stale locks removes one unasked."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from airflow_provider_stash.exceptions import RepositoryLockedError, ResticError
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import parse_time

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
_TELL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lock:
    """
    A lock on a repository.

    :param time: when it was last refreshed, in UTC.
    :param exclusive: it keeps every other process out, as a prune or a check does.
    """

    id: str
    time: datetime
    exclusive: bool
    host: str
    user: str
    pid: int


def list_locks(repository: Repository) -> list[Lock]:
    """
    Tell who holds the repository.

    :raises ResticError: restic failed.
    """
    ids = run(repository, ["list", "locks", "--no-lock"]).stdout.split()
    return [lock for lock_id in ids if (lock := _read_lock(repository, lock_id)) is not None]


def _read_lock(repository: Repository, lock_id: str) -> Lock | None:
    try:
        record = json.loads(run(repository, ["cat", "lock", lock_id, "--no-lock"]).stdout)
    except ResticError:  # its holder has just removed it
        if lock_id in run(repository, ["list", "locks", "--no-lock"]).stdout.split():
            raise
        return None
    return Lock(
        id=lock_id,
        time=parse_time(record["time"]),
        exclusive=record["exclusive"],
        host=record["hostname"],
        user=record["username"],
        pid=record["pid"],
    )


def unlock(repository: Repository, *, remove_all: bool = False) -> None:
    """
    Remove stale locks (``restic unlock``): of processes of this host that are gone, or older than 30 minutes.

    :param remove_all: remove every lock, also of a process that is at work. A prune beside another process
        damages the repository: for when it is certain that none is there.
    :raises ResticError: restic failed.
    """
    run(repository, ["unlock", *(["--remove-all"] if remove_all else [])])


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
