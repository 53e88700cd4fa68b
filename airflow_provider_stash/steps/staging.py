"""A temporary directory for a snapshot file: bounded, private, and gone afterwards (Stash: ``tempDir``)."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.exceptions import InvalidConfigurationError, NoSpaceError

log = logging.getLogger(__name__)

_PREFIX = "airflow-stash-"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class TempDir:
    """
    Where to keep the snapshot while it is on its way (Stash: ``tempDir``).

    :param path: directory; None: the system's temporary directory.
    :param size_limit: bytes; None: no limit.
    """

    path: str | None = None
    size_limit: int | None = None


@contextlib.contextmanager
def staging_directory(parent: str | None, *, needed: int, size_limit: int | None = None) -> Iterator[Path]:
    """
    Make a directory of mode 0700 for the time of the context.

    A task that is killed outright can't clean up behind itself: what such tasks left in ``parent`` is
    removed first. They are told by a lock that dies with its process.

    :param parent: where to make it; None: the system's temporary directory.
    :param needed: bytes that will be written.
    :param size_limit: bytes that may be written (Stash: ``tempDir.sizeLimit``); None: no limit.
    :raises NoSpaceError: ``needed`` is more than the limit, or than is free.
    :raises InvalidConfigurationError: ``parent`` is no directory that can be written.
    """
    place = Path(parent or tempfile.gettempdir())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise InvalidConfigurationError(
            f"The temporary directory {place} does not exist, or user {os.geteuid()} can't write there."
        )
    _sweep(place)
    if size_limit is not None and needed > size_limit:
        raise NoSpaceError(
            f"The snapshot needs {needed} bytes; the temporary directory's limit is {size_limit}. "
            "Raise the limit, or stream the snapshot without a temporary file."
        )
    free = shutil.disk_usage(place).free
    if needed > free:
        raise NoSpaceError(
            f"The snapshot needs {needed} bytes; {place} has {free} free. Name a larger directory, "
            "or stream the snapshot without a temporary file."
        )
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    try:
        with (directory / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _sweep(place: Path) -> None:
    for directory in place.glob(f"{_PREFIX}*"):
        try:
            with (directory / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                log.info("Removing what a killed task left: %s", directory)
                shutil.rmtree(directory, ignore_errors=True)
        except OSError:
            continue  # in use, being made just now, or another user's
