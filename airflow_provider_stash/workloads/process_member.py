"""One member on this host: its commands and data directory, and what a restore needs of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.etcd.datadir import in_use
from airflow_provider_stash.exceptions import InvalidConfigurationError, NoSpaceError, WorkloadError
from airflow_provider_stash.workloads.datadirs import DataDir

_WAL_PREALLOCATED = 64 << 20
"""etcd makes its first write-ahead log file of this size."""

_UNTOUCHED = "Nothing was stopped or changed."


@dataclass(frozen=True)
class ProcessMember:
    """
    One member on this host.

    :param name: etcd's ``--name``.
    :param data_dir: etcd's ``--data-dir``; a write-ahead log elsewhere (``--wal-dir``) is not supported.
    :param peer_urls: etcd's ``--initial-advertise-peer-urls``, one or several.
    :param stop: the command that stops it and keeps it stopped, such as ``["systemctl", "stop", "etcd"]``.
    :param start: the command that starts it; it may return at once or when the member is ready.
    """

    name: str
    data_dir: str
    peer_urls: str | Sequence[str]
    stop: Sequence[str]
    start: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.stop, str) or isinstance(self.start, str):
            raise InvalidConfigurationError(
                f"Member {self.name!r}: stop and start are lists, a program and its arguments; "
                "no shell is used."
            )
        if not (self.name and self.stop and self.start and self.peer_urls):
            raise InvalidConfigurationError(
                f"Member {self.name!r} needs a name, peer_urls, and a stop and a start command."
            )
        if not Path(self.data_dir).is_absolute():
            raise InvalidConfigurationError(
                f"Member {self.name!r}: data_dir {self.data_dir!r} must be an absolute path."
            )

    @property
    def all_peer_urls(self) -> list[str]:
        """The peer URLs as a list."""
        return [self.peer_urls] if isinstance(self.peer_urls, str) else list(self.peer_urls)

    def data(self, key: str) -> DataDir:
        """Give the data directory during one restore."""
        return DataDir(Path(self.data_dir), key)

    def in_use(self) -> bool:
        """
        Tell whether the member runs.

        :raises WorkloadError: this user can't tell.
        """
        try:
            return in_use(Path(self.data_dir))
        except PermissionError as error:
            raise WorkloadError(
                f"Member {self.name!r}: {error.filename} can't be opened by user {os.geteuid()}, "
                "so whether the member runs can't be told."
            ) from error

    def check(self, key: str) -> None:
        """
        Make sure that this user can stop, fill and start the member.

        :raises WorkloadError: what stands in the way.
        """
        for command in (self.stop, self.start):
            if shutil.which(command[0]) is None:
                raise WorkloadError(
                    f"Member {self.name!r}: the program {command[0]!r} is not to be found on this host, "
                    f"or may not be run. {_UNTOUCHED}"
                )
        place, data = existing(Path(self.data_dir)), self.data(key)
        if not os.access(place, os.W_OK | os.X_OK):
            raise WorkloadError(
                f"Member {self.name!r}: {place} can't be written by user {os.geteuid()}, "
                f"who runs this Airflow worker. {_UNTOUCHED}"
            )
        owner = data.owner()[0]
        if os.geteuid() not in (0, owner):
            raise WorkloadError(
                f"Member {self.name!r}: {place} belongs to user {owner}, and user {os.geteuid()}, who runs this "
                f"worker, can't give it files. Run this task (its queue) as that user or as root. {_UNTOUCHED}"
            )
        wal = data.member / "wal"
        if data.member.exists() and (wal.is_symlink() or not wal.is_dir()):
            raise WorkloadError(
                f"Member {self.name!r}: {wal} is no directory of its own. A write-ahead log elsewhere "
                f"(--wal-dir) is not supported. {_UNTOUCHED}"
            )
        self.in_use()


def check_space(members: Sequence[ProcessMember], snapshot_size: int) -> dict[str, int]:
    """
    Make sure that every member's restored data fits beside the old.

    :param snapshot_size: bytes of the snapshot.
    :return: bytes free, by one directory a file system.
    :raises NoSpaceError: it doesn't fit.
    """
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for member in members:
        place = existing(Path(member.data_dir))
        device = place.stat().st_dev
        places.setdefault(device, place)
        needed[device] = needed.get(device, 0) + snapshot_size + _WAL_PREALLOCATED
    free = {}
    for device, place in places.items():
        free[str(place)] = shutil.disk_usage(place).free
        if free[str(place)] < needed[device]:
            raise NoSpaceError(
                f"{place} has {free[str(place)]} bytes free; the restored data needs {needed[device]} beside "
                "the old, which is kept. Make room there (old data of earlier restores lies in "
                f"<data dir>/.stash). {_UNTOUCHED}"
            )
    return free


def existing(path: Path) -> Path:
    """Give the path, or the nearest directory above it that exists."""
    while not path.exists():
        path = path.parent
    return path
