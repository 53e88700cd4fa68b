"""Makes sure that a repository is there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.exceptions import RepositoryDamagedError, RepositoryNotFoundError
from airflow_provider_stash.restic.errors import headless
from airflow_provider_stash.restic.keys import list_keys
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """
    A repository's identity.

    :param created: whether this call made it.
    :param id: of the repository.
    :param version: of its format: 1 (restic 0.13 and before), or 2 (with compression).
    """

    created: bool
    id: str
    version: int


def ensure_repository(
    repository: Repository, *, initialize: bool = True, timeout: float | None = None
) -> RepositoryInfo:
    """
    Read a repository's identity (``restic cat config``), and make it when there is none (``restic init``).

    restic keeps two ``init`` at once apart in no way, and they damage the repository: those on this host wait for each
    other, and one on another host is noticed afterwards.

    :param initialize: make it; else its absence is an error.
    :param timeout: seconds for restic to answer; None: as long as restic tries.
    :raises RepositoryNotFoundError: there is none, and ``initialize`` is off.
    :raises RepositoryDamagedError: another host has made it at the same time, or there are keys and no ``config``.
    :raises ResticError: anything else, such as a wrong password: nothing was made.
    """
    try:
        return _read(repository, created=False, timeout=timeout)
    except RepositoryNotFoundError:
        if not initialize:
            raise
    with _one_at_a_time(repository):
        try:
            return _read(repository, created=False, timeout=timeout)  # somebody may have made it meanwhile
        except RepositoryNotFoundError:
            _refuse_over_keys(repository)
            run(repository, ["init"])
        return _made_alone(repository, timeout)


@contextlib.contextmanager
def _one_at_a_time(repository: Repository) -> Iterator[None]:
    """Wait for others on this host that make the same repository."""
    place = hashlib.sha256(repository.redacted_location.encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir(), f"airflow-stash-init-{os.getuid()}-{place}")
    number = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _refuse_over_keys(repository: Repository) -> None:
    """Look where it can be done without restic, as it does itself from 0.18 on at the latest; 0.14 does not."""
    keys = Path(repository.location.removeprefix("local:"), "keys")
    if repository.backend == "local" and keys.is_dir() and any(keys.iterdir()):
        raise headless(repository)


def _made_alone(repository: Repository, timeout: float | None) -> RepositoryInfo:
    """Read the identity of a repository that was just made, and see whether it has one key, as it should."""
    try:
        info = _read(repository, created=True, timeout=timeout)
        alone = len(list_keys(repository)) == 1
    except RepositoryDamagedError:
        alone = False
    if not alone:
        raise RepositoryDamagedError(
            f"The repository {repository.redacted_location} was made by two at the same time, or over one whose file "
            "'config' was lost, which damages it. No snapshot of this run is in it. Look whether there are backups in "
            "it. If there are none, remove all that lies there; then let one run make it, before the others start."
        )
    return info


def _read(repository: Repository, *, created: bool, timeout: float | None) -> RepositoryInfo:
    config = json.loads(run(repository, ["cat", "config", "--no-lock"], timeout=timeout).stdout)
    return RepositoryInfo(created, config["id"], config["version"])
