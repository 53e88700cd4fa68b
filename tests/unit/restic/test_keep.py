"""Which snapshots a policy keeps; tests/integration/restic holds the rules against restic itself."""

from datetime import datetime, timezone

import pytest

from airflow_provider_stash.restic.keep import Dated, keeps
from airflow_provider_stash.restic.retention import RetentionPolicy

HOURS = ["09:05", "09:55", "10:01", "11:30"]
SNAPSHOTS = [Dated(datetime.fromisoformat(f"2026-11-25T{hour}:00").replace(tzinfo=timezone.utc)) for hour in HOURS]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"keep_last": 1}, "11:30"),
        ({"keep_last": 9}, "09:05 09:55 10:01 11:30"),
        ({"keep_hourly": 2}, "10:01 11:30"),
        ({"keep_hourly": 3}, "09:55 10:01 11:30"),
        ({"keep_hourly": 4}, "09:05 09:55 10:01 11:30"),  # the oldest takes what is left
        ({"keep_daily": 1}, "11:30"),
        ({"keep_daily": 2}, "09:05 11:30"),
        ({"keep_last": 1, "keep_tags": ("a,b",)}, "11:30"),
    ],
)
def test_the_newest_of_each_period_is_kept(policy, kept):
    told = keeps(RetentionPolicy(**policy), SNAPSHOTS)
    assert [hour for hour, keep in zip(HOURS, told, strict=True) if keep] == kept.split()


def test_tags_keep_whatever_the_order():
    first, *others = SNAPSHOTS
    snapshots = [*others, first._replace(tags=("b", "a"))]
    assert keeps(RetentionPolicy(keep_last=1, keep_tags=("a,b",)), snapshots) == [False, False, True, True]
    assert keeps(RetentionPolicy(keep_last=1, keep_tags=("a,c",)), snapshots) == [False, False, True, False]


def test_nothing_to_keep():
    assert keeps(RetentionPolicy(keep_daily=3), []) == []
