"""Writes a file out of a snapshot (``restic dump``)."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_stash.restic.process import ResticProcess
from airflow_provider_stash.restic.repository import Repository


def dump(
    repository: Repository, snapshot_id: str, path: str, target: int, look: Callable[[], None] | None = None
) -> None:
    """
    Write a file's content to another file.

    :param path: of the file in the snapshot.
    :param target: descriptor of the file to write to.
    :param look: called again and again while restic writes; what is there by then is good only if this call succeeds.
    :raises NoSpaceError: the file could not grow.
    :raises ResticError: restic failed, perhaps after it wrote some or all of the data.
    """
    with ResticProcess(repository, ["dump", snapshot_id, path, "--no-lock"], stdout=target) as process:
        process.finish(look=look)
