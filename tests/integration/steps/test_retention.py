"""Two clusters that were given one repository and one host."""

from dataclasses import replace

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, SnapshotNotFoundError
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.steps.resolve import resolve_snapshot
from airflow_provider_stash.steps.retention import apply_retention
from testbed.restic_repository import make_repository


def test_retention_prunes_nothing_and_the_latest_is_not_guessed(tmp_path, repository, edge_restic):
    repository = replace(repository, restic=edge_restic)
    make_repository(repository)
    file = tmp_path / "snapshot.db"

    def back_up(number, cluster):
        file.write_text(f"data of {number}")
        time = f"2026-01-01 1{number}:00:00"
        tag = f"etcd-cluster-id={cluster}"
        run(repository, ["backup", str(file), "--host", "host-0", "--time", time, "--tag", tag])

    policy = RetentionPolicy(keep_last=3, prune=True)
    for number, cluster in enumerate("aba"):
        back_up(number, cluster)
    assert apply_retention(repository, policy)["removed"] == []
    assert resolve_snapshot(repository)["clusterID"] == "a"
    back_up(3, "b")
    packs = sorted((tmp_path / "repository" / "data").rglob("*"))
    with pytest.raises(
        InvalidConfigurationError, match=r"2 etcd clusters \(a, b\).*'host-0'.*was not pruned.*hostname"
    ):
        apply_retention(repository, policy)
    assert sorted((tmp_path / "repository" / "data").rglob("*")) == packs
    back_up(4, "a")
    back_up(5, "b")
    with pytest.raises(SnapshotNotFoundError, match=r"another than this.*of 2026-01-01T14.*\(cluster a\)"):
        resolve_snapshot(repository)
    latest = list_snapshots(repository)[-1].id
    assert resolve_snapshot(repository, snapshot=latest[:8])["clusterID"] == "b"
