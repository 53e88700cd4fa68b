import hashlib
import os
import signal
import threading
import time
from dataclasses import dataclass

import pytest

from airflow_provider_stash.etcd.snapshot import copy_snapshot, write_all
from airflow_provider_stash.exceptions import (
    EtcdPermissionError,
    EtcdUnavailableError,
    SnapshotCorruptError,
    SnapshotStreamError,
)


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
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
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


def test_a_time_out_ends_it_while_the_reader_stalls_and_the_queue_is_full():
    class TimeOutError(Exception):
        pass

    def ring(number, frame):
        raise TimeOutError

    read, write = os.pipe()
    old = signal.signal(signal.SIGALRM, ring)  # as Airflow's execution_timeout does
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    begin = time.monotonic()
    try:
        with pytest.raises(TimeOutError):
            copy_snapshot(stream(os.urandom(1 << 20) * 40), write)
        assert time.monotonic() - begin < 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        os.close(read)
        os.close(write)


def test_progress_is_told(tmp_path):
    told = []
    copy(
        stream(os.urandom(5 << 20)), tmp_path, progress=lambda done, all_: told.append((done, all_)), every=0
    )
    size = (5 << 20) + 32
    assert told[-1] == (size, size)
    assert len(told) > 3
    assert told == sorted(told)


def test_a_stream_that_breaks_off_says_how_far_it_came(tmp_path):
    def messages():
        yield from stream(os.urandom(100_000))[:2]
        raise EtcdUnavailableError("http://a:1: Socket closed.")

    with pytest.raises(SnapshotStreamError, match=r"after 65536 of 100032 bytes\. http://a:1: Socket closed"):
        copy(messages(), tmp_path)


def test_a_stream_that_never_began_fails_for_its_own_reason(tmp_path):
    def messages():
        raise EtcdPermissionError("no")
        yield

    with pytest.raises(EtcdPermissionError):
        copy(messages(), tmp_path)


def test_the_sha256_split_over_two_messages_is_held_back_whole(tmp_path):
    data = os.urandom(1000)
    whole = data + hashlib.sha256(data).digest()
    for cut in (1000, 1001, 1016, 1031):
        wrong = whole[:-1] + bytes([whole[-1] ^ 1])
        with pytest.raises(SnapshotCorruptError):
            copy([Message(wrong[:cut], len(wrong) - cut), Message(wrong[cut:], 0)], tmp_path)
        assert (tmp_path / "out").read_bytes() == data
        digest, path = copy([Message(whole[:cut], len(whole) - cut), Message(whole[cut:], 0)], tmp_path)
        assert path.read_bytes() == whole
        assert digest.size == 1032


def test_a_full_disk_is_told_as_such():
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            copy_snapshot(stream(os.urandom(1 << 20) * 4), fd)
    finally:
        os.close(fd)


def test_memory_does_not_grow_with_the_stream():
    blob, total, peak = os.urandom(32 * 1024), 400 << 20, 0

    def messages():
        nonlocal peak
        for at in range(0, total, len(blob)):
            held = Blob(blob)
            peak = max(peak, Blob.alive)
            yield Message(held, total - at)
            del held
        raise KeyboardInterrupt

    read, write = os.pipe()
    sink = threading.Thread(target=drain, args=(read,))
    sink.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            copy_snapshot(messages(), write)
    finally:
        os.close(write)
    sink.join(10)
    os.close(read)
    assert peak * len(blob) < 24 << 20


class Blob(bytes):
    """Bytes that are counted while they live."""

    alive = 0

    def __new__(cls, data):
        cls.alive += 1
        return super().__new__(cls, data)

    def __del__(self):
        Blob.alive -= 1


def drain(fd):
    while os.read(fd, 1 << 16):
        time.sleep(0)


def test_short_writes_lose_nothing_and_repeat_nothing(monkeypatch):
    real, sizes = os.writev, []

    def short(fd, parts):
        part = bytes(parts[0])[: 1 + len(sizes) % 5]  # a pipe or a disk that takes a few bytes at a time
        sizes.append(len(part))
        return real(fd, [part])

    monkeypatch.setattr(os, "writev", short)
    read, write = os.pipe()
    parts = [os.urandom(size) for size in (0, 3, 1, 0, 7, 100, 0)]
    write_all(write, [memoryview(part) for part in parts])
    os.close(write)
    with os.fdopen(read, "rb") as file:
        assert file.read() == b"".join(parts)
    assert max(sizes) > 1


def test_more_buffers_than_one_call_takes():
    read, write = os.pipe()
    write_all(write, [memoryview(b"ab")] * 2500)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        assert file.read() == b"ab" * 2500
