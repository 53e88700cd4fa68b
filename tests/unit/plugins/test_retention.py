"""What the retention policy will do next."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.plugins.catalog import Backup
from airflow_provider_stash.plugins.retention import removed_by_next, retention

BACKUP = Backup("d", "backup", "e", "r", "host-0", {"keepLast": 2}, {}, True)
NEXT = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)


def snapshot(name, hours, **other):
    return {
        "snapshot": name,
        "time": (NEXT - timedelta(hours=hours)).isoformat().replace("+00:00", "Z"),
        "hostname": "host-0",
        "paths": ["/stash-tmp/data/snapshot.db"],
        "tags": [],
        **other,
    }


LISTED = [snapshot("a", 1), snapshot("b", 2), snapshot("c", 3)]


def test_the_next_backup_takes_a_place():
    assert removed_by_next(BACKUP, LISTED, 3, NEXT) == {"b", "c"}
    told = retention(BACKUP, ("run", {"kept": ["a"], "removed": [], "dryRun": False}), {"b", "c"})
    assert told["removes_next"] == 2
    assert told["kept"] == 1


@pytest.mark.parametrize(
    "last",
    [
        snapshot("c", 3, hostname="another"),
        snapshot("c", 3, paths=["/etc"]),
        snapshot("c", 3, tags=["keep-forever"]),
    ],
)
def test_others_snapshots_and_those_kept_for_ever_stay(last):
    assert removed_by_next(BACKUP, [*LISTED[:2], last], 3, NEXT) == {"b"}


def test_snapshots_that_stash_made_count():
    stash = snapshot("c", 3, paths=["/stash-tmp/data"])
    assert removed_by_next(BACKUP, [*LISTED[:2], stash], 3, NEXT) == {"b", "c"}


@pytest.mark.parametrize(
    ("backup", "count"),
    [
        (BACKUP, 101),  # more than are listed
        (BACKUP, None),
        (replace(BACKUP, hostname=None), 3),
        (replace(BACKUP, retention_policy=None), 3),
        (replace(BACKUP, retention_policy={"keepLast": "{{ params.keep }}"}), 3),
    ],
)
def test_what_cannot_be_told_is_not_guessed(backup, count):
    told = removed_by_next(backup, LISTED, count, NEXT)
    assert told is None
    assert retention(backup, None, told)["removes_next"] is None
