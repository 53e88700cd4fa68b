from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, SnapshotNotFoundError
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import Snapshot
from airflow_provider_stash.steps import resolve

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def snapshot(number, host="host-0", tags=()):
    return Snapshot(
        id=f"{number:x}" * 64,
        time=BEGIN + timedelta(hours=number),
        host=host,
        paths=("/stash-tmp/data/snapshot.db",),
        tags=(f"etcd-revision={number * 100}", *tags),
        size=None,
    )


SNAPSHOTS = [snapshot(1), snapshot(3), snapshot(2, tags=("x",)), snapshot(4, host="other"),
             Snapshot("3334" + "0" * 60, BEGIN, "host-0", ("/stash-tmp/data",), (), None)]  # fmt: skip


@pytest.fixture(autouse=True)
def _repository(monkeypatch):
    monkeypatch.setattr(resolve, "list_snapshots", lambda repository: SNAPSHOTS)


def find(**given):
    return resolve.resolve_snapshot(Repository("/r", "pw"), **{"hostname": "host-0", **given})["snapshot"][0]


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ({}, "3"),
        ({"hostname": None}, "4"),
        ({"hostname": "other"}, "4"),
        ({"snapshot": "2222"}, "2"),
        ({"snapshot": "33333"}, "3"),
        ({"snapshot": "4444"}, "4"),
        ({"before": "2026-01-01T03:00:00Z"}, "2"),
        ({"before": "2026-01-01T04:30:00+02:00"}, "2"),
        ({"revision": 250}, "2"),
        ({"tags": ["x"]}, "2"),
    ],
)
def test_what_is_asked_for_is_chosen(given, number):
    assert find(**given) == number


def test_an_ambiguous_beginning_names_the_candidates(monkeypatch):
    twin = Snapshot("3333" + "f" * 60, BEGIN, "host-0", (), (), None)
    monkeypatch.setattr(resolve, "list_snapshots", lambda repository: [*SNAPSHOTS, twin])
    with pytest.raises(SnapshotNotFoundError, match="ambiguous: 3333333333333333, 3333ffffffffffff"):
        find(snapshot="3333")


def test_nothing_fits_and_what_there_is_is_told():
    with pytest.raises(SnapshotNotFoundError, match="'abcdef'.*holds 5 snapshots; the newest are 44444444"):
        find(snapshot="abcdef")
    with pytest.raises(SnapshotNotFoundError, match="of host 'none'"):
        find(hostname="none")


@pytest.mark.parametrize("given", [{"snapshot": "xyz"}, {"snapshot": "abc"}, {"before": "yesterday"}])
def test_what_can_not_be_meant_is_refused(given):
    with pytest.raises(InvalidConfigurationError):
        find(**given)


def test_a_snapshot_of_stash_tells_nothing_of_etcd():
    record = resolve.snapshot_result(SNAPSHOTS[-1])
    assert record["revision"] is None
    assert record["etcdVersion"] is None
