import fcntl
import hashlib
import os

import pytest

from airflow_provider_stash.etcd.datadir import check_sha256, in_use
from airflow_provider_stash.exceptions import SnapshotCorruptError


def test_a_good_file(tmp_path):
    data = os.urandom(512 * 9)
    path = tmp_path / "s.db"
    path.write_bytes(data + hashlib.sha256(data).digest())
    assert check_sha256(path) == hashlib.sha256(data).hexdigest()


def test_a_flipped_byte(tmp_path):
    data = os.urandom(512 * 9)
    path = tmp_path / "s.db"
    path.write_bytes(b"x" + data[1:] + hashlib.sha256(data).digest())
    with pytest.raises(SnapshotCorruptError, match="not that of its own sha256"):
        check_sha256(path)


@pytest.mark.parametrize("size", [0, 100, 512, 1024])
def test_a_file_without_a_sha256(tmp_path, size):
    path = tmp_path / "s.db"
    path.write_bytes(b"x" * size)
    with pytest.raises(SnapshotCorruptError, match="cut short"):
        check_sha256(path)


def test_in_use_is_whether_the_database_is_locked(tmp_path):
    assert in_use(tmp_path) is False
    db = tmp_path / "member" / "snap" / "db"
    db.parent.mkdir(parents=True)
    db.touch()
    assert in_use(tmp_path) is False
    with db.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert in_use(tmp_path) is True
    assert in_use(tmp_path) is False
