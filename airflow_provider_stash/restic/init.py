"""Makes sure that a repository is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from airflow_provider_stash.exceptions import RepositoryNotFoundError
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

    :param initialize: make it; else its absence is an error.
    :param timeout: seconds for restic to answer; None: as long as restic tries.
    :raises RepositoryNotFoundError: there is none, and ``initialize`` is off.
    :raises ResticError: anything else, such as a wrong password: nothing was made.
    """
    try:
        return _read(repository, created=False, timeout=timeout)
    except RepositoryNotFoundError:
        if not initialize:
            raise
    run(repository, ["init"])
    return _read(repository, created=True, timeout=timeout)


def _read(repository: Repository, *, created: bool, timeout: float | None) -> RepositoryInfo:
    config = json.loads(run(repository, ["cat", "config", "--no-lock"], timeout=timeout).stdout)
    return RepositoryInfo(created, config["id"], config["version"])
