"""What is done to a repository now and then, with the oldest and the newest restic."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.check import check
from airflow_provider_stash.restic.delete import delete_snapshots
from airflow_provider_stash.restic.dump import dump
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.keys import add_key, change_password, list_keys, remove_key
from airflow_provider_stash.restic.locks import list_locks, unlock
from airflow_provider_stash.restic.migrate import migrate_to_v2
from airflow_provider_stash.restic.prune import PruneOptions, prune
from airflow_provider_stash.restic.repair import rebuild_index
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.restic.stats import repository_stats
from airflow_provider_stash.steps.maintenance import migrate_repository, prune_repository
from testbed.process import wait_until
from testbed.restic_repository import make_repository
from tests.integration.conftest import EDGE_RESTICS, restic_id

PASSWORD = "test-repository-password"
NEW_PASSWORD = "a-new-password"
# It shrinks when it is compressed.
DATA = os.urandom(1 << 10) * (1 << 10)


@pytest.fixture(scope="module", params=EDGE_RESTICS, ids=restic_id)
def empty(tmp_path_factory, request):
    """A repository of format 1, to be copied: making one takes long."""
    place = tmp_path_factory.mktemp("empty") / "repository"
    made = Repository(str(place), PASSWORD, no_cache=True, restic=request.param)
    make_repository(made, version=1)
    return made


@pytest.fixture
def repository(tmp_path, empty):
    place = tmp_path / "repository"
    shutil.copytree(empty.location, place)
    return replace(empty, location=str(place))


def backup(repository, data=DATA):
    with StdinBackup(repository, path="/stash-tmp/data/snapshot.db", host="host-0") as running:
        with os.fdopen(os.dup(running.fd), "wb") as file:
            file.write(data)
        return running.commit()


def read(repository):
    snapshot = list_snapshots(repository)[0]
    with tempfile.TemporaryFile() as file:
        dump(repository, snapshot.id, snapshot.paths[0], file.fileno())
        file.seek(0)
        return file.read()


def test_an_migrated_repository_compresses_what_it_holds(repository):
    backup(repository)
    before = repository_stats(repository).size
    lines = []
    assert migrate_to_v2(repository, follow=lines.append) is True
    assert any("no errors were found" in line for line in lines)
    assert ensure_repository(repository).version == 2
    assert migrate_repository(repository)["migrated"] is False
    assert prune_repository(repository, PruneOptions(repack_uncompressed=True))["freed"] == 0
    assert repository_stats(repository).size < before / 10
    assert read(repository) == DATA
    assert check(repository, read_data=True).integrity


def test_a_damaged_repository_is_not_migrated(repository):
    backup(repository)
    for pack in Path(repository.location, "data").glob("*/*"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes() + b"more")
    with pytest.raises(e.ResticError):
        migrate_to_v2(repository)
    assert ensure_repository(repository).version == 1


def test_deleted_snapshots_leave_their_data_until_a_prune(repository):
    first, second = backup(repository), backup(repository, os.urandom(1 << 20))
    ids = {one.id[:8]: one.id for one in list_snapshots(repository)}
    delete_snapshots(repository, [ids[second.snapshot_id[:8]]])
    assert [one.id[:8] for one in list_snapshots(repository)] == [first.snapshot_id[:8]]
    lines = []
    assert prune(repository, PruneOptions(dry_run=True)) >= 1 << 19
    assert prune(repository, follow=lines.append) >= 1 << 19
    assert any("packs processed" in line for line in lines)
    assert read(repository) == DATA


def test_a_lost_index_is_made_anew(repository):
    backup(repository)
    for file in Path(repository.location, "index").iterdir():
        file.unlink()
    assert not check(repository).integrity
    rebuild_index(repository)
    assert check(repository, read_data=True).integrity
    assert read(repository) == DATA


def test_keys_come_and_go_and_no_command_line_shows_a_password(repository, monkeypatch):
    commands = []
    real = subprocess.Popen.__init__

    def spy(self, command, *arguments, **given):
        commands.append(str((command, given.get("env"))))
        real(self, command, *arguments, **given)

    monkeypatch.setattr(subprocess.Popen, "__init__", spy)
    (own,) = list_keys(repository)
    assert own.current
    add_key(repository, NEW_PASSWORD, user="backup", host="worker-1")
    assert "--new-password-file" in commands[-1]
    assert not any(NEW_PASSWORD in command for command in commands)
    by_other = replace(repository, password=NEW_PASSWORD)
    keys = list_keys(by_other)
    other = next(key for key in keys if key.current)
    assert (other.user, other.host) == ("backup", "worker-1")
    with pytest.raises(e.ResticError):
        remove_key(by_other, other.id)
    remove_key(by_other, own.id)
    with pytest.raises(e.WrongRepositoryPasswordError):
        list_keys(repository)
    change_password(by_other, "third")
    assert len(list_keys(replace(repository, password="third"))) == 1
    with pytest.raises(e.InvalidConfigurationError):
        add_key(repository, "")


def test_who_holds_the_repository_is_told_and_only_the_dead_are_unlocked(repository):
    code = f"""
import os, sys
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.repository import Repository
repository = Repository({repository.location!r}, os.environ["PW"], no_cache=True, restic={repository.restic!r})
with StdinBackup(repository, path="/x/s.db", host="h") as running:
    os.write(running.fd, b"x" * 100000)
    print("streaming", flush=True)
    sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PW": PASSWORD},
        text=True,
    ) as child:
        assert child.stdout.readline() == "streaming\n"
        folder = Path(repository.location, "locks")
        # restic writes a lock under another name first: that is none yet.
        wait_until(lambda: [len(one.name) for one in folder.iterdir()] == [64], "restic has its lock")
        (lock,) = list_locks(repository)
        assert not lock.exclusive
        assert Path(f"/proc/{lock.pid}").exists()
        unlock(repository)
        assert [file.name for file in folder.iterdir()] == [lock.id]
        unlock(repository, remove_all=True)
        assert list_locks(repository) == []
        child.stdin.write("\n")
