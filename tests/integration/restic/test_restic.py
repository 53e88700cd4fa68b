"""restic of every version, on real repositories."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.backends import with_credentials
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.check import check
from airflow_provider_stash.restic.dump import dump
from airflow_provider_stash.restic.forget import forget
from airflow_provider_stash.restic.guard import GRACE
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.keys import list_keys
from airflow_provider_stash.restic.ls import find_file
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.restic.stats import repository_stats
from airflow_provider_stash.restic.version import restic_version
from testbed.process import command_lines, wait_until
from testbed.restic_repository import cheapen_key, make_repository
from tests.integration.conftest import EDGE_RESTICS

DATA = os.urandom(3 << 20)
PASSWORD = "test-repository-password"


@pytest.fixture
def repository(tmp_path, restic):
    made = Repository(str(tmp_path / "repository"), PASSWORD, no_cache=True, restic=restic)
    make_repository(made)
    return made


def backup(repository, data=DATA, **given):
    with StdinBackup(repository, path="/stash-tmp/data/snapshot.db", host="host-0", **given) as running:
        with os.fdopen(os.dup(running.fd), "wb") as file:
            file.write(data)
        return running.commit()


def locks(repository):
    # restic writes a file of another name, and renames it: until then it is no lock.
    return [one for one in Path(repository.location, "locks").iterdir() if "-tmp-" not in one.name]


def test_there_and_back(repository):
    summary = backup(repository, tags=["a=1", "b"])
    assert summary.total_bytes == len(DATA)
    again = backup(repository)
    assert again.data_added < len(DATA) / 10
    snapshots = sorted(list_snapshots(repository), key=lambda one: one.time)
    assert [one.tags for one in snapshots] == [("a=1", "b"), ()]
    assert snapshots[0].id.startswith(summary.snapshot_id)
    assert snapshots[0].paths == (summary.path,)
    found = find_file(repository, snapshots[0].id, "snapshot.db")
    assert found.size == len(DATA)
    with tempfile.TemporaryFile() as file:
        dump(repository, snapshots[0].id, found.path, file.fileno())
        file.seek(0)
        assert file.read() == DATA
    stats = repository_stats(repository)
    assert stats.size > len(DATA)
    assert stats.snapshots == len(snapshots)
    assert check(repository).integrity is True
    assert check(repository, read_data=True).integrity is True
    assert check(repository, read_data_subset="1/2").integrity is True
    assert locks(repository) == []


def test_retention(repository):
    ids = [
        backup(repository, tags=["keep-forever"] if number == 0 else []).snapshot_id for number in range(4)
    ]
    dry = forget(repository, RetentionPolicy(keep_last=1, dry_run=True).keeping("keep-forever"))
    assert len(dry.removed) == 2
    assert len(list_snapshots(repository)) == 4
    result = forget(
        repository, RetentionPolicy(keep_last=1, prune=True).keeping("keep-forever"), host="host-0"
    )
    assert len(result.kept) == 2
    assert {one[:8] for one in result.removed} == {one[:8] for one in ids[1:3]}
    assert set(result.reasons) == {one.id for one in result.kept}
    assert result.freed_bytes is not None
    assert set(list_snapshots(repository)) == set(result.kept), "records as a list has them"


def test_an_interrupted_backup_leaves_nothing(repository):
    with pytest.raises(KeyboardInterrupt), StdinBackup(repository, path="/x/s.db", host="h") as running:
        os.write(running.fd, DATA[: 1 << 19])
        time.sleep(1.5)  # restic has its lock by now
        raise KeyboardInterrupt
    assert list_snapshots(repository) == []
    assert locks(repository) == []


def test_a_worker_that_is_killed_outright_leaves_no_snapshot_no_lock_and_no_process(repository):
    code = f"""
import os, sys, time
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.repository import Repository
repository = Repository({repository.location!r}, os.environ["PW"], no_cache=True, restic={repository.restic!r})
with StdinBackup(repository, path="/x/s.db", host="h") as running:
    os.write(running.fd, b"x" * 500000)
    time.sleep(2)
    print("streaming", flush=True)
    time.sleep(60)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PW": PASSWORD}, text=True
    )
    assert child.stdout.readline() == "streaming\n"
    assert len(locks(repository)) == 1
    restics = processes_with(repository.restic, "backup")
    assert restics
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in restics):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list_snapshots(repository) == []
    assert locks(repository) == []


def processes_with(*words):
    """Command lines by process id."""
    lines = {pid: " ".join(one) for pid, one in command_lines()}
    return {pid: line for pid, line in lines.items() if all(word in line for word in words)}


def test_secrets_are_in_no_command_line(tmp_path, edge_restic, rest):
    made = with_credentials(Repository(f"{rest.location}-{tmp_path.name}-{restic_version(edge_restic)}", PASSWORD,
                                       no_cache=True, restic=edge_restic), rest.keys)  # fmt: skip
    make_repository(made)
    with pytest.raises(KeyboardInterrupt), StdinBackup(made, path="/x/s.db", host="h") as running:
        os.write(running.fd, DATA[:1000])
        time.sleep(0.5)
        texts = [*processes_with("snapshot").values(), *processes_with("s.db").values()]
        assert texts
        for text in texts:
            for secret in (PASSWORD, rest.keys["REST_SERVER_PASSWORD"], "p%40ss"):
                assert secret not in text
        raise KeyboardInterrupt


def test_a_wrong_password_makes_nothing_over_it(repository):
    with pytest.raises(e.WrongRepositoryPasswordError) as error:
        ensure_repository(replace(repository, password="hunter2"))
    assert "hunter2" not in str(error.value)
    with pytest.raises(e.WrongRepositoryPasswordError):
        backup(replace(repository, password="hunter2"))
    assert ensure_repository(repository).created is False


def test_one_that_has_lost_its_config_is_not_made_anew(repository):
    """restic 0.14 would."""
    config = Path(repository.location, "config")
    lost = config.rename(config.with_name("lost"))
    keys = sorted(Path(repository.location, "keys").iterdir())
    with pytest.raises(e.RepositoryDamagedError, match="not its file 'config'"):
        ensure_repository(repository)
    if restic_version(repository.restic) != min(map(restic_version, EDGE_RESTICS)):
        with pytest.raises(e.RepositoryDamagedError, match="not its file 'config'"):
            run(repository, ["init"])  # by itself
    assert sorted(Path(repository.location, "keys").iterdir()) == keys
    lost.rename(config)
    assert ensure_repository(repository).created is False


def test_no_repository(tmp_path, restic):
    nowhere = Repository(str(tmp_path / "none"), PASSWORD, no_cache=True, restic=restic)
    with pytest.raises(e.RepositoryNotFoundError, match="There is no repository"):
        ensure_repository(nowhere, initialize=False)
    with pytest.raises(e.RepositoryNotFoundError):
        backup(nowhere)
    assert not (tmp_path / "none").exists()


def test_a_live_lock_is_waited_for(repository):
    backup(repository)
    with StdinBackup(repository, path="/x/s.db", host="h") as holder:
        os.write(holder.fd, b"x")
        time.sleep(1.5)
        with pytest.raises(e.RepositoryLockedError, match="waited for"):
            check(repository, lock_timeout=1)
        results = []
        waiting = threading.Thread(target=lambda: results.append(check(repository, lock_timeout=60)))
        waiting.start()
        time.sleep(2)
        assert results == []
        holder.commit()
    waiting.join(60)
    assert [one.integrity for one in results] == [True]


def test_a_dead_processs_lock_goes_by_restics_rule(repository):
    backup(repository)
    with StdinBackup(repository, path="/x/s.db", host="h") as holder:
        os.write(holder.fd, b"x")
        wait_until(lambda: len(locks(repository)) == 1, "restic has its lock")
        for pid, text in processes_with(repository.restic, "backup", "s.db").items():
            if "guard.py" not in text:
                os.kill(pid, signal.SIGKILL)
    assert len(locks(repository)) == 1
    assert check(repository, lock_timeout=30).integrity is True
    assert locks(repository) == []


def test_who_ends_all_processes_ends_restic_but_not_its_guard(repository):
    """As systemd does when a worker's service is stopped."""

    def end(who, *signals):
        wait_until(lambda: len(locks(repository)) == 1, "restic has its lock")
        for pid, text in processes_with(repository.restic, "backup", "s.db").items():
            if ("guard.py" in text) == (who == "guard"):
                for number in signals:
                    os.kill(pid, number)

    with StdinBackup(repository, path="/x/s.db", host="h") as running:
        os.write(running.fd, b"x")
        end("guard", signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        running.commit()
    assert len(list_snapshots(repository)) == 1
    with StdinBackup(repository, path="/x/s.db", host="h") as running:
        os.write(running.fd, b"x")
        end("restic", signal.SIGTERM)
        with pytest.raises(e.ResticError):
            running.commit()
    assert len(list_snapshots(repository)) == 1


def test_restic_is_interrupted_where_its_worker_ignores_that(repository):
    """As a worker does that a script has started in the background: one that is left at once would go on until killed."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt), StdinBackup(repository, path="/x/s.db", host="h"):
            raise KeyboardInterrupt
        assert time.monotonic() - begin < GRACE
    finally:
        signal.signal(signal.SIGINT, before)
    assert locks(repository) == []


def test_damage_is_found_and_named(repository):
    backup(repository)
    pack = max(Path(repository.location, "data").rglob("*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    content[len(content) // 3] ^= 0xFF
    pack.write_bytes(content)
    result = check(repository, read_data=True)
    assert result.integrity is False
    assert result.errors
    snapshot = list_snapshots(repository)[0]
    with tempfile.TemporaryFile() as file, pytest.raises(e.ResticError):
        dump(repository, snapshot.id, snapshot.paths[0], file.fileno())


def test_two_that_make_it_at_once_wait_for_each_other(tmp_path, edge_restic):
    made = Repository(str(tmp_path / "repository"), PASSWORD, no_cache=True, restic=edge_restic)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(ensure_repository, [made, made]))
    assert sorted(one.created for one in told) == [False, True]
    assert told[0].id == told[1].id
    assert len(list_keys(made)) == 1


def test_one_that_was_made_by_two_at_once_is_told(tmp_path, edge_restic):
    """As by two hosts: a restic whose init is two."""
    twice = tmp_path / "twice"
    twice.write_text(
        f'#!/bin/sh\nif [ "$1" = init ]; then {edge_restic} "$@" & fi\n{edge_restic} "$@"; code=$?; wait; exit $code\n'
    )
    twice.chmod(0o755)
    made = Repository(str(tmp_path / "repository"), PASSWORD, no_cache=True, restic=str(twice))
    with pytest.raises(e.RepositoryDamagedError, match="made by two at the same time"):
        ensure_repository(made)


def test_nobody_listens(restic):
    gone = Repository("rest:http://127.0.0.1:1/r", PASSWORD, no_cache=True, restic=restic)
    with pytest.raises(e.ResticError):
        ensure_repository(gone, initialize=False, timeout=5)


def test_a_snapshot_without_an_etcd_file(repository):
    with StdinBackup(repository, path="/x/other.txt", host="h") as running:
        os.write(running.fd, b"x")
        running.commit()
    with pytest.raises(e.SnapshotNotFoundError, match=r"other\.txt"):
        find_file(repository, list_snapshots(repository)[0].id, "snapshot.db")


# --- other backends ---------------------------------------------------------------------------------


def test_s3(s3, edge_restic):
    name = f"restic-{restic_version(edge_restic)}"
    made = with_credentials(
        Repository(s3.location("bucket", name), PASSWORD, no_cache=True, restic=edge_restic), s3.keys
    )
    assert ensure_repository(made).created is True
    backup(made)
    assert len(list_snapshots(made)) == 1
    assert check(made).integrity is True
    assert (made.backend, made.bucket, made.prefix) == ("s3", "bucket", name)


def test_s3_refuses_wrong_keys(s3, edge_restic):
    keys = {**s3.keys, "AWS_SECRET_ACCESS_KEY": "hunter2"}
    wrong = with_credentials(
        Repository(s3.location("bucket", "x"), PASSWORD, no_cache=True, restic=edge_restic), keys
    )
    with pytest.raises(e.BackendError) as error:
        ensure_repository(wrong, timeout=30)
    assert "hunter2" not in str(error.value)


def test_a_rest_server_with_user_and_password(rest, tmp_path, edge_restic):
    location = f"{rest.location}-{tmp_path.name}-{restic_version(edge_restic)}"
    made = with_credentials(Repository(location, PASSWORD, no_cache=True, restic=edge_restic), rest.keys)
    assert ensure_repository(made).created is True
    cheapen_key(rest.directory / "data" / location.rpartition("/")[2], PASSWORD)
    backup(made)
    assert json.dumps([one.host for one in list_snapshots(made)]) == '["host-0"]'
    with pytest.raises(e.StashError) as error:
        ensure_repository(Repository(location, PASSWORD, no_cache=True, restic=edge_restic), timeout=30)
    assert rest.keys["REST_SERVER_PASSWORD"] not in str(error.value)
