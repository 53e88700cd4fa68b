"""
Swaps what is in an etcd data directory, and can always swap back.

Everything lies inside the data directory itself, in ``.stash/<key>/``: on the same volume (a rename is
all it takes), and also where the data directory is a mount point. etcd ignores names it doesn't know
there, with a warning in its log.

    <data_dir>/member                    what etcd runs on
    <data_dir>/.stash/<key>/journal.json what was found before the first change
    <data_dir>/.stash/<key>/done.json    the journal, once the restore is verified: nothing is undone any more
    <data_dir>/.stash/<key>/rolled-back.json  the journal, once the old data is back
    <data_dir>/.stash/<key>/new          the restored data, until it is put in place
    <data_dir>/.stash/<key>/old          the data before the restore, once it is set aside
    <data_dir>/.stash/<key>/failed       restored data that a roll-back took out again
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.exceptions import NoSpaceError, WorkloadError
from airflow_provider_stash.workloads.base import UNTOUCHED

log = logging.getLogger(__name__)

_DIR_MODE = 0o700

_WAL_PREALLOCATED = 64 << 20
"""etcd makes its first write-ahead log file of this size."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What a member was like before a restore touched it."""

    member: str
    was_running: bool
    had_data: bool
    time: float


class DataDir:
    """
    One member's data directory during one restore.

    :param path: etcd's ``--data-dir``.
    :param key: the restore's, see ``restore_key``.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.member = path / "member"
        self.aside = path / ".stash" / key
        self.new = self.aside / "new"
        self.old = self.aside / "old"
        self.failed = self.aside / "failed"
        self._journal = self.aside / "journal.json"
        self._done = self.aside / "done.json"
        self._rolled_back = self.aside / "rolled-back.json"

    # --- journal --------------------------------------------------------------------------------

    def journal(self) -> Journal | None:
        """Read the journal; None when this restore has not stopped the member yet, or has come to its end."""
        return _read_journal(self._journal)

    def rolled_back(self) -> Journal | None:
        """Read the journal of a restore that was rolled back; None: it was not."""
        return _read_journal(self._rolled_back)

    @property
    def open(self) -> bool:
        """Whether this restore has stopped the member, and was neither verified nor rolled back."""
        return self._journal.exists()

    def open_journal(self, member: str, *, was_running: bool) -> Journal:
        """Write down the member's state, once: a retry must not take what it finds for the beginning."""
        if (found := self.journal()) is not None:
            return found
        journal = Journal(member, was_running, self.member.exists(), time.time())
        self._make_aside()
        draft = self._journal.with_suffix(".tmp")
        text = json.dumps({name: getattr(journal, name) for name in Journal.__slots__})
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _chown(draft, self.owner())
        draft.replace(self._journal)
        self._rolled_back.unlink(missing_ok=True)  # of an attempt before
        _fsync(self.aside)
        return journal

    def close_journal(self, *, rolled_back: bool = False) -> None:
        """
        Close the journal: a roll-back finds no data to put back from now on.

        :param rolled_back: whether the old data is back; else the restore is verified.
        """
        if self.open:
            self._journal.rename(self._rolled_back if rolled_back else self._done)
            _fsync(self.aside)

    @property
    def done(self) -> bool:
        """Whether this restore has been verified."""
        return self._done.exists()

    def _make_aside(self) -> None:
        for directory in (self.path, self.aside.parent, self.aside):
            if not directory.exists():
                directory.mkdir(mode=_DIR_MODE, parents=directory is self.path)
                _chown(directory, self.owner())

    # --- owner ----------------------------------------------------------------------------------

    def owner(self) -> tuple[int, int]:
        """Find user and group for new files: those of the data, else of the nearest directory above."""
        for place in (self.old / "member", self.member, self.path, *self.path.parents):
            if place.exists():
                status = place.stat()
                return status.st_uid, status.st_gid
        return os.geteuid(), os.getegid()

    # --- changes --------------------------------------------------------------------------------

    def prepare_new(self) -> Path:
        """Make room for the restored data; what an attempt before left is removed."""
        self._make_aside()
        shutil.rmtree(self.new, ignore_errors=True)
        return self.new

    def adopt_new(self) -> None:
        """Give the restored data the owner, group and mode that the member's data has."""
        uid, gid = self.owner()
        mode = (self.member if self.member.exists() else self.path).stat().st_mode & 0o777
        for directory, _, files in os.walk(self.new):
            _chown(Path(directory), (uid, gid))
            for file in files:
                _chown(Path(directory, file), (uid, gid))
        self.new.chmod(_DIR_MODE)
        (self.new / "member").chmod(mode)

    @property
    def filled(self) -> bool:
        """Whether restored data lies ready."""
        return (self.new / "member").exists()

    @property
    def swapped(self) -> bool:
        """Whether restored data is, or was about to be, where the old data used to be."""
        if (self.old / "member").exists():
            return True
        journal = self.journal()
        return journal is not None and not journal.had_data and self.member.exists() and not self.filled

    def swap(self) -> None:
        """Set the old data aside and put the new in its place; does the rest of it when called again."""
        if not self.filled:
            return
        if self.member.exists():
            self.old.mkdir(mode=_DIR_MODE, exist_ok=True)
            self.member.rename(self.old / "member")
        (self.new / "member").rename(self.member)
        for directory in (self.path, self.old, self.aside):
            if directory.exists():
                _fsync(directory)

    def swap_back(self) -> bool:
        """
        Put the old data back; the restored data goes to ``failed``.

        :return: whether there was anything to put back or to take out.
        """
        if not self.swapped:
            return False
        if self.member.exists():
            shutil.rmtree(self.failed, ignore_errors=True)
            self.failed.mkdir(mode=_DIR_MODE)
            self.member.rename(self.failed / "member")
        if (self.old / "member").exists():
            (self.old / "member").rename(self.member)
        _fsync(self.path)
        return True


def check_usable(member: str, data: DataDir) -> None:
    """
    Make sure that this process can fill and swap a member's data directory.

    :raises WorkloadError: what stands in the way.
    """
    place = existing(data.path)
    if not os.access(place, os.W_OK | os.X_OK):
        raise WorkloadError(
            f"Member {member!r}: {place} can't be written by user {os.geteuid()}, as whom this runs. {UNTOUCHED}"
        )
    owner = data.owner()[0]
    if os.geteuid() not in (0, owner):
        raise WorkloadError(
            f"Member {member!r}: {place} belongs to user {owner}, and user {os.geteuid()}, as whom this runs, can't "
            "give it files. Let it run as that user or as root: by the worker's queue, or by the Job's "
            f"securityContext. {UNTOUCHED}"
        )
    wal = data.member / "wal"
    if data.member.exists() and (wal.is_symlink() or not wal.is_dir()):
        raise WorkloadError(
            f"Member {member!r}: {wal} is no directory of its own. A write-ahead log elsewhere "
            f"(--wal-dir) is not supported. {UNTOUCHED}"
        )


def check_space(data_dirs: Sequence[Path], snapshot_size: int) -> dict[str, int]:
    """
    Make sure that every member's restored data fits beside the old.

    :param data_dirs: of the members.
    :param snapshot_size: bytes of the snapshot.
    :return: bytes free, by one directory a file system.
    :raises NoSpaceError: it doesn't fit.
    """
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for data_dir in data_dirs:
        place = existing(data_dir)
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
                f"<data dir>/.stash). {UNTOUCHED}"
            )
    return free


def existing(path: Path) -> Path:
    """Give the path, or the nearest directory above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def _read_journal(path: Path) -> Journal | None:
    try:
        return Journal(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None


def _chown(path: Path, owner: tuple[int, int]) -> None:
    status = path.stat()
    if (status.st_uid, status.st_gid) != owner:
        os.chown(path, *owner)


def _fsync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
