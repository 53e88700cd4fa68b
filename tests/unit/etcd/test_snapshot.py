import hashlib
import os
import threading
import time
from dataclasses import dataclass

import pytest

from airflow_provider_stash.etcd.snapshot import copy_snapshot
from airflow_provider_stash.exceptions import SnapshotCorruptError, SnapshotStreamError


@dataclass
class Message:
    blob: bytes
    remaining_bytes: int


def stream(data, size=32 * 1024, digest=None):
    whole = data + (digest or hashlib.sha256(data).digest())
    left = len(whole)
    messages = []
    for at in range(0, len(whole), size):
        blob = whole[at : at + size]
        left -= len(blob)
        messages.append(Message(blob, left))
    return messages


def copy(messages, tmp_path, **options):
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        return copy_snapshot(messages, fd, **options), path
    finally:
        os.close(fd)


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 4096, 32 * 1024])
def test_a_good_stream_is_copied_whole(tmp_path, size):
    data = os.urandom(5000)
    digest, path = copy(stream(data, size), tmp_path)
    assert path.read_bytes() == data + hashlib.sha256(data).digest()
    assert (digest.size, digest.sha256) == (5032, hashlib.sha256(data).hexdigest())


def test_more_than_the_queue_holds(tmp_path):
    data = os.urandom(1 << 20) * 40
    _, path = copy(stream(data), tmp_path)
    assert path.stat().st_size == len(data) + 32


def test_a_flipped_byte_is_found_and_the_end_is_held_back(tmp_path):
    data = os.urandom(100_000)
    wrong = bytes([data[0] ^ 1]) + data[1:]
    with pytest.raises(SnapshotCorruptError, match="sha256"):
        copy(stream(wrong, digest=hashlib.sha256(data).digest()), tmp_path)
    assert (tmp_path / "out").stat().st_size == len(data)  # without the last 32 bytes


def test_a_stream_that_ends_early_is_no_snapshot(tmp_path):
    with pytest.raises(SnapshotStreamError, match="still to come"):
        copy(stream(os.urandom(100_000))[:-1], tmp_path)


def test_a_cut_stream_that_pretends_to_be_whole_is_corrupt(tmp_path):
    messages = stream(os.urandom(100_000))[:-1]
    messages[-1].remaining_bytes = 0
    with pytest.raises(SnapshotCorruptError):
        copy(messages, tmp_path)


def test_an_empty_stream_is_no_snapshot(tmp_path):
    with pytest.raises(SnapshotStreamError):
        copy([], tmp_path)


def test_a_reader_that_is_gone_is_told_soon():
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(BrokenPipeError):
            copy_snapshot(stream(os.urandom(1 << 20) * 64), write)
    finally:
        os.close(write)


def test_an_interruption_does_not_wait_for_a_reader_that_stalls():
    read, write = os.pipe()

    def messages():
        yield from stream(os.urandom(1 << 20) * 4)[:-1]
        raise KeyboardInterrupt

    begin = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            copy_snapshot(messages(), write)
        assert time.monotonic() - begin < 5
    finally:
        os.close(read)  # only now can the writing thread end
        os.close(write)
    deadline = time.monotonic() + 5
    while any(thread.name == "etcd-snapshot-writer" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_progress_is_told(tmp_path):
    told = []
    copy(
        stream(os.urandom(5 << 20)), tmp_path, progress=lambda done, all_: told.append((done, all_)), every=0
    )
    size = (5 << 20) + 32
    assert told[-1] == (size, size)
    assert len(told) > 3
    assert told == sorted(told)
