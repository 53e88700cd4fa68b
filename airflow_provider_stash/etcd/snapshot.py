"""Copies etcd's snapshot stream to a pipe or file, and lets it end only when its sha256 is right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import EtcdError, SnapshotCorruptError, SnapshotStreamError

SHA256_SIZE = 32
"""The stream's last bytes: the sha256 of what went before (etcd's Maintenance.Snapshot)."""

_BATCH = 1 << 20
_QUEUED_BATCHES = 16
_IOV_MAX = 1000


@dataclass(frozen=True, slots=True)
class SnapshotDigest:
    """What was copied: bytes in all (with the trailing sha256), and the sha256 of the database, in hex."""

    size: int
    sha256: str


Progress = Callable[[int, int], None]
"""Called with the bytes received and the bytes expected in all."""


def copy_snapshot(
    messages: Iterable[Any], fd: int, *, progress: Progress | None = None, every: float = 5.0
) -> SnapshotDigest:
    """
    Write a snapshot stream to a file descriptor; the last 32 bytes only when they are right.

    Receiving takes one thread, hashing and writing another (both release the interpreter for their
    work); messages are handed over in batches and never joined. In one thread this is slower than
    ``etcdctl snapshot save``.

    :param messages: what ``EtcdClient.snapshot`` gives: each with ``blob`` and ``remaining_bytes``.
    :param fd: where to write; it stays open, and is not closed on success either.
    :param progress: told of the progress every ``every`` seconds, and at the end.
    :return: size and sha256.
    :raises SnapshotCorruptError: the sha256 is wrong; the 32 bytes were not written.
    :raises SnapshotStreamError: the stream broke off, or ended before its end.
    :raises EtcdError: from ``messages``, when the stream did not begin.
    :raises OSError: the other side of ``fd`` is gone, or the disk is full.
    """
    writer = _Writer(fd)
    writer.start()
    done = expected = 0
    batch: list[bytes] = []
    batched = 0
    tell = time.monotonic() + every
    remaining = 0
    try:
        for message in messages:
            blob = message.blob
            remaining = message.remaining_bytes
            expected = expected or len(blob) + remaining
            done += len(blob)
            batched += len(blob)
            batch.append(blob)
            if batched >= _BATCH:
                writer.put(batch)
                batch, batched = [], 0
                if progress and time.monotonic() >= tell:
                    progress(done, expected)
                    tell = time.monotonic() + every
        writer.put(batch)
    except EtcdError as error:
        writer.give_up()
        if not done:
            raise  # refused or not reached: its own kind says more
        raise SnapshotStreamError(
            f"The snapshot stream broke off after {done} of {expected} bytes. {error}"
        ) from error
    except BaseException:
        writer.give_up()
        raise
    tail, digest = writer.finish()
    if remaining or done <= SHA256_SIZE:
        raise SnapshotStreamError(
            f"The snapshot stream ended after {done} bytes with {remaining} bytes still to come."
        )
    if digest.digest() != tail:
        raise SnapshotCorruptError(
            f"The snapshot stream of {done} bytes is corrupt: its sha256 is {digest.hexdigest()}, "
            f"etcd said {tail.hex()}. Nothing was kept; check the network and the member's disk."
        )
    write_all(fd, [memoryview(tail)])
    if progress:
        progress(done, done)
    return SnapshotDigest(done, digest.hexdigest())


class _Writer(threading.Thread):
    """Hashes and writes batches, always holding back the last 32 bytes."""

    def __init__(self, fd: int) -> None:
        super().__init__(name="etcd-snapshot-writer", daemon=True)
        # A descriptor of its own: the caller may close its own while this thread is still blocked in it.
        self._fd = os.dup(fd)
        self._queue: queue.Queue[list[bytes] | None] = queue.Queue(_QUEUED_BATCHES)
        self._tail = b""
        self._digest = hashlib.sha256()
        self._failure: OSError | None = None
        self._abandoned = False

    def put(self, batch: list[bytes]) -> None:
        if self._failure is not None:
            raise self._failure
        if batch:
            self._queue.put(batch)

    def finish(self) -> tuple[bytes, Any]:
        self._queue.put(None)
        self.join()
        if self._failure is not None:
            raise self._failure
        return self._tail, self._digest

    def give_up(self) -> None:
        """Stop without waiting: the thread may hang in a write until the reader is killed."""
        self._abandoned = True
        with contextlib.suppress(queue.Full):  # full: it will look at _abandoned after the write it is in
            self._queue.put_nowait(None)

    def run(self) -> None:
        try:
            while (batch := self._queue.get()) is not None and not self._abandoned:
                if self._failure is None:
                    try:
                        self._write(batch)
                    except OSError as error:
                        self._failure = error  # go on taking batches: the other side may wait for room
        finally:
            os.close(self._fd)

    def _write(self, batch: list[bytes]) -> None:
        blobs = [self._tail, *batch] if self._tail else batch
        if len(blobs[-1]) < SHA256_SIZE:
            blobs = [b"".join(blobs)]
        last = blobs[-1]
        self._tail = last[-SHA256_SIZE:]
        parts = [memoryview(blob) for blob in blobs[:-1]]
        parts.append(memoryview(last)[:-SHA256_SIZE])
        for part in parts:
            self._digest.update(part)
        write_all(self._fd, parts)


def write_all(fd: int, parts: list[memoryview]) -> None:
    """Write all of several buffers without joining them (``writev`` writes as much as fits)."""
    first = 0
    while first < len(parts):
        written = os.writev(fd, parts[first : first + _IOV_MAX])
        while first < len(parts) and written >= len(parts[first]):
            written -= len(parts[first])
            first += 1
        if written:
            parts[first] = parts[first][written:]
