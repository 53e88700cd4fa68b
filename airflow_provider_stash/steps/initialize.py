"""Makes sure that a repository is there."""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.repository import Repository

log = logging.getLogger(__name__)


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
