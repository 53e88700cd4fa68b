"""Reads a snapshot file: the sha256 at its end, and the revision it holds."""

from __future__ import annotations

import hashlib
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.etcd.snapshot import SHA256_SIZE
from airflow_provider_stash.exceptions import SnapshotCorruptError

_SECTOR = 512


class SnapshotHasher:
    """Compares a snapshot, given block by block, with the sha256 in its last 32 bytes."""

    def __init__(self) -> None:
        self._digest, self._tail, self._size = hashlib.sha256(), b"", 0

    def update(self, block: bytes) -> None:
        """Take the next block."""
        self._size += len(block)
        if len(block) < SHA256_SIZE:
            block = self._tail + block
        else:
            self._digest.update(self._tail)
        self._tail = block[-SHA256_SIZE:]
        self._digest.update(memoryview(block)[:-SHA256_SIZE])

    def finish(self) -> str:
        """
        Compare, once all is given.

        :return: the sha256, in hex.
        :raises SnapshotCorruptError: they differ, or there is none (a copy of ``member/snap/db`` has none).
        """
        if self._size % _SECTOR != SHA256_SIZE:
            raise SnapshotCorruptError(
                f"The file has {self._size} bytes: a snapshot is a whole number of {_SECTOR}-byte sectors and "
                f"{SHA256_SIZE} bytes of sha256. It was cut short, or is no etcd snapshot."
            )
        if self._tail != self._digest.digest():
            raise SnapshotCorruptError(
                "The file is corrupt: its content is not that of its own sha256. Choose another snapshot."
            )
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class SnapshotRevisions:
    """
    What a snapshot knows of revisions.

    :param last: of the last write that is still in it; 0: there is none.
    :param compacted: up to which it was compacted; the write that made this revision may be gone, if it was
        a deletion.
    """

    last: int
    compacted: int

    @property
    def revision(self) -> int:
        """At which etcd opens it (etcd's ``mvcc`` store, ``restore``); a new etcd begins with 1."""
        return max(1, self.last, self.compacted)


def read_revisions(snapshot: Path) -> SnapshotRevisions:
    """
    Read the revisions from a snapshot file's last pages, without going through the whole database as
    ``etcdutl snapshot status`` does: 2 s of a 1.5 GB file.

    :raises SnapshotCorruptError: the file is no etcd database.
    """
    try:
        with snapshot.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            database = _Bolt(data)
            keys, meta = database.bucket(b"key"), database.bucket(b"meta")
            return SnapshotRevisions(
                last=_main(database.last_key(keys)),
                compacted=max(
                    _main(database.get(meta, b"finishedCompactRev")),
                    _main(database.get(meta, b"scheduledCompactRev")),
                ),
            )
    except (struct.error, ValueError) as error:
        raise SnapshotCorruptError(
            f"{snapshot.name} is no etcd database ({error}). Choose another snapshot."
        ) from error


def _main(revision: bytes | None) -> int:
    """Read etcd's ``revision`` as it is stored: 8 bytes main, ``_``, 8 bytes sub, big-endian."""
    return int(struct.unpack(">q", revision[:8])[0]) if revision else 0


class _Bolt:
    """As much of bbolt's file format as it takes to look a key up (go.etcd.io/bbolt, ``page.go``)."""

    _META, _PAGE, _BRANCH, _LEAF = (struct.Struct(f"={one}") for one in ("IIIIQQQQQQ", "QHHI", "IIQ", "IIII"))
    _MAGIC, _VERSION, _IS_BRANCH, _PAGE_SIZES = 0xED0CDAED, 2, 0x01, (4096, 8192, 16384, 32768, 65536)
    _BUCKET_HEADER, _DEEPEST = 16, 64

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        metas = [
            meta
            for at in (0, *self._PAGE_SIZES)
            if at + 4096 <= len(data)
            and (meta := self._META.unpack_from(data, at + self._PAGE.size))[:2]
            == (self._MAGIC, self._VERSION)
            and at in (0, meta[2])
        ]
        if not metas:
            raise ValueError("it has no meta page")
        newest = max(metas, key=lambda meta: meta[8])  # by its transaction
        self._page_size, self._root = newest[2], newest[4]

    def bucket(self, name: bytes) -> int:
        """Give where a top-level bucket's root page begins."""
        value = self._find(self._root * self._page_size, name)
        if value is None:
            raise ValueError(f"it has no bucket {name.decode()}")
        begin, _ = value
        (page,) = struct.unpack_from("=Q", self._data, begin)
        # A small bucket lies inline, behind its header.
        return page * self._page_size if page else begin + self._BUCKET_HEADER

    def get(self, page: int, key: bytes) -> bytes | None:
        """Look a key up, from a bucket's root page."""
        value = self._find(page, key)
        return None if value is None else self._data[value[0] : value[1]]

    def last_key(self, page: int) -> bytes | None:
        """Give a bucket's greatest key; None: it is empty."""
        for _ in range(self._DEEPEST):
            key, child, _ = max(self._elements(page), default=(None, None, None))
            if child is None:
                return key
            page = child
        raise ValueError("its pages go round in circles")

    def _find(self, page: int, wanted: bytes) -> tuple[int, int] | None:
        for _ in range(self._DEEPEST):
            below = None
            for key, child, value in self._elements(page):
                if child is None and key == wanted:
                    return value
                if child is not None and (below is None or key <= wanted):
                    below = child
            if below is None:
                return None
            page = below
        raise ValueError("its pages go round in circles")

    def _elements(self, page: int) -> Iterator[tuple[bytes, int | None, tuple[int, int]]]:
        """Give a page's keys, each with the page below it (None in a leaf), and where its value lies."""
        _, flags, count, _ = self._PAGE.unpack_from(self._data, page)
        for number in range(count):
            at = page + self._PAGE.size + number * self._LEAF.size
            if flags & self._IS_BRANCH:
                position, size, child = self._BRANCH.unpack_from(self._data, at)
                key = at + position
                yield self._data[key : key + size], child * self._page_size, (0, 0)
            else:
                _, position, size, length = self._LEAF.unpack_from(self._data, at)
                key = at + position
                yield self._data[key : key + size], None, (key + size, key + size + length)
