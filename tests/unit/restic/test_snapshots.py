from datetime import datetime, timezone

import pytest

from airflow_provider_stash.restic.snapshots import parse_snapshot, parse_time


@pytest.mark.parametrize(
    ("text", "microsecond", "hour"),
    [
        ("2026-11-23T20:55:28.070465333Z", 70465, 20),
        ("2026-11-23T20:55:28Z", 0, 20),
        ("2026-11-23T20:55:28.5+02:00", 500000, 18),
    ],
)
def test_times(text, microsecond, hour):
    assert parse_time(text) == datetime(2026, 11, 23, hour, 55, 28, microsecond, tzinfo=timezone.utc)


def test_a_record_of_restic_0_14_and_of_0_19():
    old = {"time": "2026-11-23T20:55:28Z", "id": "a" * 64, "hostname": "h", "paths": ["/p"], "tags": None}
    assert parse_snapshot(old).size is None
    assert parse_snapshot(old).tags == ()
    new = {**old, "tags": ["a=1"], "summary": {"total_bytes_processed": 7}}
    assert parse_snapshot(new).size == 7
