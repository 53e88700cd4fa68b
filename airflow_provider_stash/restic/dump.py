"""Reads a file out of a snapshot as a stream (``restic dump``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from airflow_provider_stash.restic.process import ResticProcess
from airflow_provider_stash.restic.repository import Repository


@contextlib.contextmanager
def dump(repository: Repository, snapshot_id: str, path: str) -> Iterator[int]:
    """
    Give a file descriptor to read the file's content from.

    restic's exit code is looked at when the context is left normally: what was read is good only then.

    :raises ResticError: restic failed, also after it gave some or all of the data.
    """
    with ResticProcess(repository, ["dump", snapshot_id, path, "--no-lock"], stdout=True) as process:
        yield process.stdout_fd
        process.finish()
