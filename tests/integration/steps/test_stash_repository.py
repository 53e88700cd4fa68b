"""A repository that Stash's own commands made is carried on with, and they can read what we add."""

import logging
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.steps.backup import back_up
from airflow_provider_stash.steps.check import check_integrity
from airflow_provider_stash.steps.fetch import FetchOptions, check_workload, fetch_snapshot
from airflow_provider_stash.steps.initialize import initialize
from airflow_provider_stash.steps.layout import STASH_PATH
from airflow_provider_stash.steps.resolve import resolve_snapshot
from airflow_provider_stash.steps.retention import apply_retention
from airflow_provider_stash.steps.status import known_snapshots, measure_repository
from testbed.binaries import newest_etcd
from testbed.etcd_cluster import EtcdCluster
from testbed.stash_job import PASSWORD, StashJob
from tests.integration.conftest import EDGE_RESTICS, check_sha256, restic_id


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    directory = tmp_path_factory.mktemp("etcd")
    with EtcdCluster(directory, size=1, tls=False, password=None, binaries=newest_etcd()) as cluster:
        # Nothing of it shrinks by itself: what is uploaded again would show.
        cluster.fill(400, size=8192)
        yield cluster


@pytest.fixture(scope="module")
def made_by_stash(tmp_path_factory, cluster):
    """A repository with two snapshots by Stash's own commands."""
    job = StashJob(tmp_path_factory.mktemp("stash"), EDGE_RESTICS[0])
    job.initialize()
    for _ in range(2):
        file = job.data / "snapshot.db"
        file.unlink(missing_ok=True)
        cluster.ctl("snapshot", "save", str(file))
        job.back_up()
    return job


@pytest.fixture
def stash(made_by_stash, tmp_path):
    return made_by_stash.copy(tmp_path)


@pytest.fixture(params=EDGE_RESTICS, ids=restic_id)
def repository(stash, request):
    """The same, as we see it."""
    return Repository(stash.location, PASSWORD, no_cache=True, restic=request.param)


def test_it_is_listed_restored_and_carried_on_with(cluster, stash, repository, tmp_path):
    assert initialize(repository) == {
        "created": False,
        "id": ensure_repository(repository).id,
        "version": 1,
        "location": stash.location,
    }
    theirs = resolve_snapshot(repository, hostname="host-0")
    assert theirs["paths"] == ["/stash-tmp/data"]

    work = tmp_path / "work"
    work.mkdir()
    workload = cluster.workload(etcd_tools=newest_etcd())
    plan = fetch_snapshot(
        cluster.config(),
        repository,
        snapshot=theirs,
        key="restore",
        checked=check_workload(workload, repository, snapshot=theirs, key="restore"),
        keep_file=True,
        fetch=FetchOptions(work_dir=str(work), etcd_tools=newest_etcd()),
    )
    assert check_sha256(Path(plan["file"])) == check_sha256(stash.data / "snapshot.db")
    # Stash records neither; the throw-away etcd counts.
    assert plan["keyCount"] == 400
    assert plan["revision"] == cluster.revision()

    # The very file that Stash has stored, to tell for sure: etcd itself writes a little between two snapshots.
    with (
        StdinBackup(repository, path=STASH_PATH, host="host-0") as running,
        os.fdopen(os.dup(running.fd), "wb") as out,
    ):
        out.write((stash.data / "snapshot.db").read_bytes())
        out.close()
        again = running.commit()
    assert again.data_added < again.total_bytes / 100
    back_up(cluster.config(), repository)
    assert check_integrity(repository, read_data=True)["integrity"]


def test_a_snapshot_of_ours_is_restored_by_stashs_own_commands(cluster, stash, repository, tmp_path):
    cluster.ctl("put", "/ours", "yes")
    ours = back_up(cluster.config(), repository)
    # A RestoreSession names a snapshot, or the latest.
    for snapshot in (ours["snapshot"], "latest"):
        file = stash.restore(snapshot)
        assert check_sha256(file) == ours["sha256"]
    tool = Path(newest_etcd()) / "etcdutl"
    data_dir = tmp_path / "restored"
    subprocess.run(
        [tool, "snapshot", "restore", file, "--data-dir", data_dir], check=True, capture_output=True
    )
    assert (data_dir / "member" / "snap" / "db").exists()


def test_the_retention_policy_counts_both_together(cluster, stash, repository):
    newest_of_theirs = resolve_snapshot(repository)["snapshot"]
    for _ in range(2):
        back_up(cluster.config(), repository)
    policy = RetentionPolicy(keep_last=3, prune=True)
    would = apply_retention(repository, replace(policy, dry_run=True), hostname="host-0")
    done = apply_retention(repository, policy, hostname="host-0")
    assert set(would["removed"]) == set(done["removed"])
    assert (len(done["kept"]), len(done["removed"])) == (3, 1)
    assert newest_of_theirs in done["kept"]
    assert set(done["reasons"]) == set(done["kept"])
    assert {one.id for one in list_snapshots(repository)} == set(done["kept"])
    assert would["listed"] is None
    measured = measure_repository(repository, known=known_snapshots(done))
    assert {**done["listed"], **measured} == measure_repository(repository)
    # Stash groups by path: it keeps as many of each.
    stash.apply_retention(1)
    assert len(list_snapshots(repository)) == 2
    assert apply_retention(repository, RetentionPolicy(keep_last=1))["removed"] == [newest_of_theirs]


def test_another_targets_snapshots_are_not_counted_in(cluster, stash, repository, caplog):
    stash.back_up(host="host-1")
    stash.restic("backup", "/bin", "--quiet", "--host", "host-0")
    back_up(cluster.config(), repository)
    with caplog.at_level(logging.WARNING):
        done = apply_retention(repository, RetentionPolicy(keep_last=1))
    assert "Host host-0 has snapshots of /bin beside etcd's" in caplog.text
    kept = {(one.host, one.paths) for one in list_snapshots(repository)}
    assert len(done["removed"]) == 1
    assert {path for _, (path,) in kept} == {"/stash-tmp/data", "/bin", "/stash-tmp/data/snapshot.db"}
    assert {host for host, _ in kept} == {"host-0", "host-1"}
