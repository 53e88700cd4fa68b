"""The backup step on real servers, on good days and bad."""

import json
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.backends import with_credentials
from airflow_provider_stash.restic.dump import dump
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.restic.version import restic_version
from airflow_provider_stash.steps.backup import back_up
from airflow_provider_stash.steps.check import check_integrity
from airflow_provider_stash.steps.initialize import initialize
from airflow_provider_stash.steps.staging import TempDir
from airflow_provider_stash.steps.status import repository_status, status_of
from testbed.binaries import etcd_dirs, restics
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository
from testbed.tcp_proxy import TcpProxy
from tests.integration.conftest import check_sha256


@pytest.fixture(autouse=True)
def _made(repository):
    make_repository(repository)


@pytest.fixture(scope="module")
def filled(cluster):
    cluster.fill(2000, size=4096)
    return cluster


def restored_file(repository, snapshot, path, tmp_path):
    target = tmp_path / "s.db"
    with target.open("wb") as out:
        dump(repository, snapshot, path, out.fileno())
    return target


def test_what_is_told_is_true(filled, repository, tmp_path):
    result = back_up(filled.config(), repository, tags=["mine"], hash_kv=True)
    assert json.loads(json.dumps(result)) == result
    assert result["keyCount"] == 2000
    assert result["hostname"] == "host-0"
    snapshot = list_snapshots(repository)[0]
    assert snapshot.id.startswith(result["snapshot"])
    assert set(result["tags"]) == set(snapshot.tags)
    assert {f"etcd-revision={result['revision']}", "etcd-keys=2000", "mine"} <= set(snapshot.tags)
    file = restored_file(repository, snapshot.id, snapshot.paths[0], tmp_path)
    assert file.stat().st_size == result["totalSize"]
    assert check_sha256(file) == result["sha256"]
    status = repository_status(repository, integrity=True)
    assert status["snapshotCount"] == 1
    assert status["snapshots"][0]["revision"] == result["revision"]
    assert status["firstBackupTime"] == status["lastBackupTime"]
    checked = check_integrity(repository, measure=True)
    assert status_of(checked["measured"], integrity=checked["integrity"], forgotten=None) == status


def test_staged_it_is_the_same_and_nothing_stays(filled, repository, tmp_path):
    place = tmp_path / "temp"
    place.mkdir()
    result = back_up(filled.config(), repository, temp_dir=TempDir(str(place), 100 << 20))
    assert list(place.iterdir()) == []
    snapshot = list_snapshots(repository)[0]
    assert (
        check_sha256(restored_file(repository, snapshot.id, snapshot.paths[0], tmp_path)) == result["sha256"]
    )


def test_a_staged_snapshot_over_the_limit_is_refused(filled, repository, tmp_path):
    with pytest.raises(e.NoSpaceError, match="limit is 1000"):
        back_up(filled.config(), repository, temp_dir=TempDir(str(tmp_path), 1000))
    assert list_snapshots(repository) == []


def through(cluster, proxy, *others):
    urls = [f"https://127.0.0.1:{proxy.port}", *(member.client_url for member in others)]
    return cluster.config(endpoints=",".join(urls))


def port(member):
    return int(member.client_url.rpartition(":")[2])


def test_a_stream_that_is_cut_makes_no_snapshot_and_the_next_member_is_tried(filled, repository, caplog):
    caplog.set_level(logging.WARNING)
    # Interrupted in the 0.2 s in which it takes its lock, restic before 0.17 leaves it: a dead process's lock.
    repository = replace(repository, restic=max(restics(), key=restic_version))
    with TcpProxy(port(filled.members[0]), cut_after=3 << 20) as proxy:
        with pytest.raises(e.EtcdError):
            back_up(through(filled, proxy), repository)
        assert list_snapshots(repository) == []
        proxy.cut_after = 3 << 20
        result = back_up(through(filled, proxy, filled.members[1]), repository)
    assert result["member"] == filled.members[1].client_url
    assert len(list_snapshots(repository)) == 1
    assert list(Path(repository.location, "locks").iterdir()) == []


def test_a_stream_that_is_corrupted_makes_no_snapshot(tmp_path, repository):
    with EtcdCluster(tmp_path / "plain", size=1, tls=False, password=None, binaries=etcd_dirs()[0]) as plain:
        plain.fill(2000, size=4096)
        with TcpProxy(port(plain.members[0]), flip_at=5 << 20) as proxy:
            config = plain.config(endpoints=f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(e.EtcdError):
                back_up(config, repository)
    assert list_snapshots(repository) == []


def test_a_member_killed_in_the_middle(filled, repository):
    """The next member gives the snapshot; nothing of the first one's is kept."""
    filled.members[0].run("kill")
    try:
        assert back_up(filled.config(), repository)["member"] != filled.members[0].client_url
    finally:
        filled.members[0].run("start")
        filled.wait_healthy()


def test_a_backup_without_a_quorum_is_better_than_none(filled, repository):
    for member in filled.members[1:]:
        member.run("kill")
    try:
        config = replace(filled.config(endpoints=filled.members[0].client_url), timeout=2.0)
        with pytest.raises(e.EtcdError):  # with authentication on, logging in needs the quorum too
            back_up(config, repository)
    finally:
        for member in filled.members[1:]:
            member.run("start")
        filled.wait_healthy()


def test_a_full_etcd_is_backed_up_and_told(tmp_path, repository, caplog):
    caplog.set_level(logging.WARNING)
    flags = ["--quota-backend-bytes", str(4 << 20)]
    with EtcdCluster(
        tmp_path / "full", size=1, tls=False, password=None, binaries=etcd_dirs()[0], flags=flags
    ) as full:
        with pytest.raises(e.EtcdError):
            full.fill(5000, size=4096)
        result = back_up(full.config(), repository)
    assert result["totalSize"] > 1 << 20
    assert "NOSPACE" in caplog.text


def test_a_wrong_repository_password(filled, repository):
    with pytest.raises(e.WrongRepositoryPasswordError):
        back_up(filled.config(), replace(repository, password="wrong"))


@pytest.mark.parametrize("staged", [False, True])
def test_a_repository_that_is_not_there_is_made_when_it_may_be(filled, repository, tmp_path, staged):
    place = tmp_path / "new"
    new = replace(repository, location=str(place))
    temp_dir = TempDir(str(tmp_path), 100 << 20) if staged else None
    with pytest.raises(e.RepositoryNotFoundError):
        back_up(filled.config(), new, temp_dir=temp_dir)
    with pytest.raises(e.RepositoryNotFoundError):
        repository_status(new)
    status = repository_status(new, absent_is_empty=True)
    assert (status["snapshotCount"], status["totalSize"], status["lastBackupTime"]) == (0, 0, None)
    assert not place.exists()
    result = back_up(filled.config(), new, create=True, temp_dir=temp_dir)
    (snapshot,) = list_snapshots(new)
    assert snapshot.id.startswith(result["snapshot"])
    keys = sorted((place / "keys").iterdir())
    with pytest.raises(e.WrongRepositoryPasswordError):
        back_up(filled.config(), replace(new, password="wrong"), create=True, temp_dir=temp_dir)
    assert sorted((place / "keys").iterdir()) == keys


def test_a_cluster_without_authentication_gives_one_without_quorum(tmp_path, repository):
    with EtcdCluster(tmp_path / "three", tls=False, password=None, binaries=etcd_dirs()[0]) as three:
        three.fill(100)
        for member in three.members[1:]:
            member.run("kill")
        config = replace(three.config(endpoints=three.members[0].client_url), timeout=2.0)
        assert back_up(config, repository)["keyCount"] == 100


def test_an_s3_that_refuses_ends_a_stream_that_nobody_reads(filled, repository, s3, edge_restic):
    """restic tries for a quarter of an hour what can't succeed, while the pipe to it is full."""
    name = f"refused-{restic_version(edge_restic)}".replace(".", "-")
    there = replace(repository, location=s3.location(name, "here"), restic=edge_restic)
    wrong = with_credentials(there, {**s3.keys, "AWS_SECRET_ACCESS_KEY": "hunter2"})
    with pytest.raises(e.BackendError, match="secret access key is wrong"):
        back_up(filled.config(), wrong, create=True)
    known = with_credentials(there, s3.keys)
    with pytest.raises(e.RepositoryNotFoundError, match="bucket does not exist"):
        back_up(filled.config(), known)
    result = back_up(filled.config(), known, create=True)
    assert [one.id[:8] for one in list_snapshots(known)] == [result["snapshot"][:8]]


def test_an_s3_that_drops_every_connection_for_a_while(filled, repository, s3):
    """restic sends again what was lost; etcd's stream waits meanwhile."""
    port = int(s3.address.rpartition(":")[2])
    with TcpProxy(port, upload_limit=1 << 20) as proxy:
        location = s3.location("dropped", "here", port=proxy.port)
        there = with_credentials(replace(repository, location=location), s3.keys)
        direct = replace(there, location=s3.location("dropped", "here"))
        initialize(direct)

        def recover():
            while proxy.uploaded < (1 << 20):
                time.sleep(0.05)
            time.sleep(2)
            proxy.upload_limit = None

        mender = threading.Thread(target=recover, daemon=True)
        mender.start()
        result = back_up(filled.config(), there)
        assert not mender.is_alive(), "the limit was never reached"
    assert [one.id[:8] for one in list_snapshots(direct)] == [result["snapshot"][:8]]
    assert check_integrity(direct)["integrity"] is True


def test_a_cluster_that_is_away_or_has_no_quorum_is_waited_for(tmp_path, repository, caplog):
    caplog.set_level(logging.INFO)
    with EtcdCluster(tmp_path / "etcd", tls=False, password=None) as cluster:
        cluster.fill(10)
        for member in cluster.members[1:]:
            member.run("kill")
        with pytest.raises(e.EtcdUnavailableError, match="etcd did not answer within 1 s.*wait_timeout=0"):
            back_up(replace(cluster.config(), timeout=0.5), repository, wait_timeout=1)
        assert list_snapshots(repository) == []
        cluster.kill()
        again = threading.Timer(2, cluster.start)
        again.start()
        result = back_up(cluster.config(), repository, wait_timeout=60)
        again.join()
    assert "etcd does not answer yet: " in caplog.text
    assert result["keyCount"] == 10
