from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.steps.results import human_seconds, human_size, parse_rfc3339, rfc3339


def test_times_are_utc():
    there = datetime(2026, 1, 2, 5, 4, 5, 678, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(there) == "2026-01-02T03:04:05Z"
    assert parse_rfc3339("2026-01-02T03:04:05Z") == parse_rfc3339("2026-01-02T05:04:05+02:00")
    assert parse_rfc3339("2026-01-02T03:04:05").tzinfo is timezone.utc


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_for_people(size, text):
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (65, "1 min 5 s"), (3700, "1 h 1 min"), (200_000, "2 d 7 h")]
)
def test_lengths_of_time_for_people(seconds, text):
    assert human_seconds(seconds) == text
