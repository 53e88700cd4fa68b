"""What is read of a repository, and what is known already; restic itself has tests on real ones."""

from datetime import datetime, timezone

import pytest

from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import Snapshot
from airflow_provider_stash.restic.stats import RepositoryStats
from airflow_provider_stash.steps import status
from airflow_provider_stash.steps.status import known_snapshots, listed, measure_repository, status_of

SNAPSHOTS = [
    Snapshot(str(day), datetime(2026, 1, day, tzinfo=timezone.utc), "host-0", ("/p",), (), 7)
    for day in (2, 3, 1)
]
REPOSITORY = Repository("/r", "pw")


@pytest.fixture(autouse=True)
def holds(monkeypatch):
    """A repository with three snapshots, and how often they were listed."""
    asked = []
    monkeypatch.setattr(status, "repository_stats", lambda _: RepositoryStats(50, 3))
    monkeypatch.setattr(status, "list_snapshots", lambda _: asked.append(1) or SNAPSHOTS)
    return asked


def test_snapshots_are_told_by_time():
    told = listed(SNAPSHOTS, newest=2)
    assert (told["snapshotCount"], told["firstBackupTime"]) == (3, "2026-01-01T00:00:00Z")
    assert told["lastBackupTime"] == "2026-01-03T00:00:00Z"
    assert [one["snapshot"] for one in told["snapshots"]] == ["3", "2"]
    assert listed([]) == {
        "snapshotCount": 0, "firstBackupTime": None, "lastBackupTime": None, "snapshots": []
    }  # fmt: skip


def test_what_retention_has_listed_is_not_read_again(holds):
    forgotten = {"removed": ["x"], "dryRun": False, "listed": listed(SNAPSHOTS)}
    measured = measure_repository(REPOSITORY, known=known_snapshots(forgotten))
    assert measured == {"totalSize": 50, "location": "/r"}
    assert holds == []
    whole = status_of(
        measure_repository(REPOSITORY), integrity=True, forgotten={"removed": ["x"], "dryRun": False}
    )
    assert status_of(measured, integrity=True, forgotten=forgotten) == whole


def test_where_the_repository_holds_others_too_all_are_read(holds):
    forgotten = {"removed": [], "dryRun": False, "listed": listed(SNAPSHOTS[:1])}
    measured = measure_repository(REPOSITORY, known=known_snapshots(forgotten))
    assert holds == [1]
    assert status_of(measured, integrity=True, forgotten=forgotten)["snapshotCount"] == 3


@pytest.mark.parametrize("forgotten", [None, {"listed": None}, {"removed": []}])
def test_without_retention_nothing_is_known(forgotten):
    assert known_snapshots(forgotten) is None
