import hashlib
import os

import pytest

from airflow_provider_stash.etcd.snapshot_file import SnapshotHasher, SnapshotRevisions, read_revisions
from airflow_provider_stash.exceptions import SnapshotCorruptError


def hashed(content, block=1000):
    hasher = SnapshotHasher()
    for begin in range(0, len(content), block):
        hasher.update(content[begin : begin + block])
    return hasher.finish()


@pytest.mark.parametrize("block", [1, 31, 32, 33, 512, 1 << 20])
def test_a_good_file_in_blocks_of_any_size(block):
    data = os.urandom(512 * 9)
    digest = hashlib.sha256(data)
    assert hashed(data + digest.digest(), block) == digest.hexdigest()


def test_a_flipped_byte():
    data = os.urandom(512 * 9)
    with pytest.raises(SnapshotCorruptError, match="not that of its own sha256"):
        hashed(b"x" + data[1:] + hashlib.sha256(b"y" + data[1:]).digest())


@pytest.mark.parametrize("size", [0, 100, 512, 1024])
def test_a_file_without_a_sha256(size):
    with pytest.raises(SnapshotCorruptError, match="cut short"):
        hashed(b"x" * size)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"x" * 20000, bytes(20000)])
def test_what_is_no_database(tmp_path, content):
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(SnapshotCorruptError, match=r"s\.db is no etcd database"):
        read_revisions(path)


def test_the_revision_that_etcd_opens_it_at():
    assert SnapshotRevisions(last=0, compacted=0).revision == 1
    assert SnapshotRevisions(last=7, compacted=5).revision == 7
    assert (
        SnapshotRevisions(last=4, compacted=9).revision == 9
    )  # all after the fourth was deleted, and compacted
