"""The restore steps on real clusters, on good days and bad."""

import resource
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.tools import find_tool
from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.steps.backup import back_up
from airflow_provider_stash.steps.fetch import FetchOptions, check_workload, fetch_snapshot
from airflow_provider_stash.steps.resolve import resolve_snapshot
from airflow_provider_stash.steps.roll_back import roll_back
from airflow_provider_stash.steps.verify import verify_restore
from airflow_provider_stash.workloads.base import FillRequest
from airflow_provider_stash.workloads.process import ProcessWorkload
from testbed.binaries import etcd_dirs, newest_etcd
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository

KEY = "restore"


class Restore:
    """A cluster of its own, its repository, and the steps of a restore in their order."""

    def __init__(self, cluster, repository, work_dir, tools):
        self.cluster, self.repository = cluster, repository
        self.options = FetchOptions(work_dir=str(work_dir), etcd_tools=tools)
        self.workload = cluster.workload(etcd_tools=tools, start_timeout=20.0)
        make_repository(repository)

    def back_up(self, **given):
        return back_up(self.cluster.config(), self.repository, hash_kv=True, **given)

    def fetch(self, etcd=None, **given):
        chosen = resolve_snapshot(self.repository)
        options = replace(self.options, **given)
        config = etcd or self.cluster.config()
        checked = check_workload(self.workload, self.repository, snapshot=chosen, key=KEY)
        return fetch_snapshot(
            config, self.repository, snapshot=chosen, key=KEY, checked=checked, keep_file=True, fetch=options
        )

    def fill(self, plan, workload=None):
        request = FillRequest(Path(plan["file"]), plan["totalSize"], plan["token"], plan["bumpRevision"])
        (workload or self.workload).fill(request, key=KEY)

    def verify(self, plan, etcd=None):
        names = list(self.workload.peer_urls)
        return verify_restore(etcd or self.cluster.config(), names=names, plan=plan, timeout=30)

    def run(self):
        plan = self.fetch()
        self.fill(plan)
        self.workload.stop(key=KEY)
        self.workload.start(key=KEY)
        return plan, self.verify(plan)


@pytest.fixture
def restore(tmp_path, repository):
    with EtcdCluster(tmp_path / "etcd", binaries=newest_etcd()) as cluster:
        cluster.fill(300)
        (tmp_path / "work").mkdir()
        yield Restore(cluster, repository, tmp_path / "work", newest_etcd())


@pytest.mark.parametrize("directory", etcd_dirs(), ids=lambda path: Path(path).name)
def test_every_key_comes_back_with_every_version(tmp_path, repository, directory):
    with EtcdCluster(tmp_path / "etcd", binaries=directory) as cluster:
        cluster.fill(300)
        (tmp_path / "work").mkdir()
        restore = Restore(cluster, repository, tmp_path / "work", directory)
        before = cluster.all_keys()
        restore.back_up()
        cluster.delete()
        cluster.fill(5, prefix="/later/")
        plan, verified = restore.run()
        assert cluster.all_keys() == before
        assert verified["keyCount"] == 300
        assert verified["revision"] >= plan["expectedRevision"]
        assert verified["hash"] is not None
        knows = "Revisions will go back" not in " ".join(plan["warnings"])
        assert (plan["bumpRevision"] > 0) is knows
        assert plan["lost"]["revisions"] == 2
        assert plan["rehearsal"]["revision"] == plan["revision"]


def test_a_cluster_with_no_member_alive_and_one_disk_lost(restore):
    before = restore.cluster.all_keys()
    restore.back_up()
    restore.cluster.kill()
    shutil.rmtree(restore.cluster.members[2].data_dir)
    plan, _ = restore.run()
    assert plan["live"]["alive"] == 0
    assert plan["lost"]["revisions"] is None
    assert restore.cluster.all_keys() == before


def test_watchers_are_told_that_the_past_is_gone(restore):
    result = restore.back_up()
    restore.cluster.fill(3, prefix="/later/")
    restore.run()
    with pytest.raises(RuntimeError, match="compacted"):
        restore.cluster.ctl("get", "/key/", "--prefix", "--rev", str(result["revision"]))


def test_a_member_that_does_not_start_again_is_rolled_back(restore):
    restore.back_up()
    restore.cluster.fill(7, prefix="/later/")
    now = restore.cluster.all_keys()
    plan = restore.fetch()
    bad = replace(restore.workload.members[1], start=["sh", "-c", "echo broken unit >&2; exit 1"])
    workload = ProcessWorkload([restore.workload.members[0], bad, restore.workload.members[2]],
                               etcd_tools=restore.options.etcd_tools, start_timeout=5.0)  # fmt: skip
    restore.fill(plan, workload)
    workload.stop(key=KEY)
    with pytest.raises(e.WorkloadError, match="'m1' was not started.*broken unit"):
        workload.start(key=KEY)
    result = roll_back(restore.cluster.config(), restore.workload, key=KEY, timeout=30)
    assert result["healthy"] is True
    assert all(member["rolledBack"] and member["running"] for member in result["members"])
    assert restore.cluster.all_keys() == now


@pytest.mark.parametrize("after", ["fill", "stop", "start"])
def test_the_way_back_from_every_step(restore, after):
    restore.back_up()
    restore.cluster.fill(7, prefix="/later/")
    now = restore.cluster.all_keys()
    plan = restore.fetch()
    restore.fill(plan)
    if after != "fill":
        restore.workload.stop(key=KEY)
    if after == "start":
        restore.workload.start(key=KEY)
    assert roll_back(restore.cluster.config(), restore.workload, key=KEY, timeout=30)["healthy"] is True
    assert restore.cluster.all_keys() == now
    # and once more: nothing is left to do
    again = roll_back(restore.cluster.config(), restore.workload, key=KEY, timeout=30)
    assert not any(member["rolledBack"] for member in again["members"])


def test_a_snapshot_with_another_password_is_told_and_not_rolled_back(restore):
    restore.back_up()
    restore.cluster.ctl("user", "passwd", "root", "--interactive=false", stdin="changed-since\n")
    changed = restore.cluster.config(password="changed-since")
    plan = restore.fetch(etcd=changed)
    assert any("other users" in warning for warning in plan["warnings"])
    restore.fill(plan)
    restore.workload.stop(key=KEY)
    restore.workload.start(key=KEY)
    verified = restore.verify(plan, etcd=changed)
    assert "Nothing was rolled back" in verified["warnings"][0]
    assert len(restore.cluster.all_keys()) == 300


def test_a_corrupt_snapshot_is_refused_before_anything_is_stopped(restore):
    restore.back_up()
    snapshot = list_snapshots(restore.repository)[0]
    with StdinBackup(restore.repository, path=snapshot.paths[0], host="host-0") as running:
        with open(running.fd, "wb", closefd=False) as file:
            file.write(b"x" * 512 * 100 + b"y" * 32)
        running.commit()
    with pytest.raises(e.SnapshotCorruptError, match="Nothing was stopped"):
        restore.fetch()
    assert list(Path(restore.options.work_dir).iterdir()) == []
    assert all(member.in_use() for member in restore.workload.members)


def test_tools_older_than_the_snapshot_are_refused(restore, tmp_path):
    restore.back_up()
    old = tmp_path / "old"
    old.mkdir()
    (old / "etcdutl").write_text("#!/bin/sh\necho etcdutl version: 3.4.9\n")
    (old / "etcdutl").chmod(0o755)
    restore.workload = replace_tools(restore.workload, str(old))
    with pytest.raises(e.EtcdToolError, match="nothing was stopped"):
        restore.fetch(etcd_tools=str(old))


def replace_tools(workload, tools):
    return ProcessWorkload(workload.members, etcd_tools=tools)


def test_members_are_what_was_planned(restore):
    restore.back_up()
    plan = restore.fetch()
    with pytest.raises(e.RestoreVerificationError, match="does not run on it|revision"):
        restore.verify({**plan, "expectedRevision": plan["revision"] + 10_000})
    with EtcdClient(restore.cluster.config()) as client:
        assert client.count_keys().keys == 300


def test_what_was_deleted_and_compacted_away_last_is_no_corruption(tmp_path, repository):
    """etcd before 3.5.15 keeps nothing of such a revision but its number."""
    oldest = min(etcd_dirs(), key=lambda directory: find_tool(directory).version)
    with EtcdCluster(tmp_path / "etcd", tls=False, password=None, binaries=oldest) as cluster:
        cluster.fill(50)
        cluster.delete()
        cluster.ctl("compact", str(cluster.revision()), "--physical")
        (tmp_path / "work").mkdir()
        restore = Restore(cluster, repository, tmp_path / "work", oldest)
        result = restore.back_up()
        plan, verified = restore.run()
    assert plan["revision"] == result["revision"]
    assert verified["keyCount"] == 0


@contextmanager
def files_up_to(size):
    """As on a full disk, writes fail; here for files that grow beyond this size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_during_the_download(restore):
    restore.cluster.fill(2000, size=4096)
    restore.back_up()
    with (
        files_up_to(1 << 20),
        pytest.raises(
            e.NoSpaceError,
            match=r"could not be written to.*: its disk, a quota or a limit is full\. Nothing was stopped",
        ),
    ):
        restore.fetch()
    assert list(Path(restore.options.work_dir).iterdir()) == []
    assert all(member.in_use() for member in restore.workload.members)


def test_a_disk_that_fills_up_while_data_is_built(restore):
    restore.cluster.fill(2000, size=4096)
    restore.back_up()
    now = restore.cluster.all_keys()
    plan = restore.fetch()
    with files_up_to(5 << 20), pytest.raises(e.EtcdToolError, match="snapshot restore failed"):
        restore.fill(plan)
    assert all(member.in_use() for member in restore.workload.members)  # nothing was stopped for it
    roll_back(restore.cluster.config(), restore.workload, key=KEY, timeout=30)
    assert restore.cluster.all_keys() == now
    restore.fill(plan)  # a retry, once there is room
    restore.workload.stop(key=KEY)
    restore.workload.start(key=KEY)
    restore.verify(plan)
    assert restore.cluster.all_keys() == now
