"""A repository that can be read but not written, and one whose data is cut short: neither is what restic says first."""

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.check import check
from airflow_provider_stash.restic.dump import dump
from airflow_provider_stash.restic.forget import forget
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.restic_repository import make_repository

# Each runs restic where it can't write its lock: root can write everywhere, so in a namespace of its own.
WAYS = {
    "permission": "exec unshare --user --map-user=1000 {restic}",
    "read-only": "exec unshare --user --map-root-user --mount sh -c "
    "'mount --bind {place} {place} && mount -o remount,bind,ro {place} && exec {restic} \"$@\"' sh",
    "full": "exec unshare --user --map-root-user --mount sh -c "
    "'mount -t tmpfs -o nr_inodes=1 tmpfs {place}/locks && exec {restic} \"$@\"' sh",
}
REASONS = {
    "permission": (e.BackendError, "may not read and write there: look at .*/locks/.*: permission denied"),
    "read-only": (e.BackendError, "it is mounted read-only: .*/locks/.*: read-only file system"),
    "full": (e.NoSpaceError, "no space left on the device of .*: make room there.*/locks/.*: no space left"),
}


@pytest.fixture
def repository(tmp_path, restic):
    made = Repository(str(tmp_path / "repository"), "test-repository-password", no_cache=True, restic=restic)
    make_repository(made)
    backup(made)
    return made


def backup(repository):
    with StdinBackup(repository, path="/x/s.db", host="h") as running:
        with os.fdopen(os.dup(running.fd), "wb") as file:
            file.write(os.urandom(1 << 20))
        return running.commit()


@pytest.fixture(params=WAYS)
def refused(request, repository, tmp_path):
    """The repository as a worker sees it that can't write to it, and what it is to be told."""
    script = tmp_path / "restic"
    line = WAYS[request.param].format(restic=repository.restic, place=repository.location)
    script.write_text(f'#!/bin/sh\n{line} "$@"\n')
    script.chmod(0o755)
    Path(repository.location, "locks").chmod(0o500)
    yield replace(repository, restic=str(script)), *REASONS[request.param]
    Path(repository.location, "locks").chmod(0o700)


def test_one_that_can_not_be_written_is_not_called_locked(refused):
    repository, kind, words = refused
    for work in (
        backup,
        lambda repository: check(repository, lock_timeout=2),
        lambda repository: forget(repository, RetentionPolicy(keep_last=1), lock_timeout=2),
    ):
        with pytest.raises(kind, match=words) as error:
            work(repository)
        assert ".go:" not in str(error.value)
        assert "runtime" not in str(error.value)


def test_a_pack_that_is_cut_short_is_damage(repository):
    pack = max(Path(repository.location, "data").glob("*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    os.truncate(pack, pack.stat().st_size // 3)
    snapshot = list_snapshots(repository)[0]
    # Side by side: restic 0.14 tries each for 43 s.
    with ThreadPoolExecutor(1) as pool, tempfile.TemporaryFile() as file:
        checked = pool.submit(check, repository, read_data=True)
        with pytest.raises(e.RepositoryDamagedError, match="can't be read back"):
            dump(repository, snapshot.id, snapshot.paths[0], file.fileno())
    result = checked.result()
    assert result.integrity is False
    assert re.search("file is too short|unexpected file size", str(result.errors))
