"""The rules of ``keeps`` are restic's own."""

import json

from airflow_provider_stash.restic.keep import Dated, keeps
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.restic_repository import make_repository
from tests.integration.conftest import EDGE_RESTICS

# In UTC; about the turns of an hour, a day, a week (Monday), a month and an ISO year.
TIMES = (
    "2024-12-30 10:00:00",
    "2025-01-01 23:10:00",
    "2026-11-01 10:00:00",
    "2026-11-22 23:59:00",
    "2026-11-23 00:01:00",
    "2026-11-25 09:55:00",
    "2026-11-25 10:01:00",
)
POLICIES = (
    RetentionPolicy(keep_last=1, keep_hourly=2, keep_tags=("a,b",)),
    RetentionPolicy(keep_daily=3),
    RetentionPolicy(keep_weekly=4),
    RetentionPolicy(keep_monthly=2, keep_yearly=9),
)


def test_what_is_kept_is_what_restic_keeps(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    repository = Repository(
        str(tmp_path / "r"), "test-repository-password", no_cache=True, restic=EDGE_RESTICS[-1]
    )
    make_repository(repository)
    file = tmp_path / "file"
    for number, time in enumerate(TIMES):
        file.write_text(time)
        run(repository, ["backup", str(file), "--time", time, "--tag", "a,b" if number == 1 else "a"])
    snapshots = list_snapshots(repository)
    for policy in POLICIES:
        told = json.loads(
            run(repository, ["forget", "--dry-run", "--json", *policy.arguments()]).stdout.splitlines()[0]
        )
        kept = keeps(policy, [Dated(one.time, one.tags) for one in snapshots])
        assert [one.id for one, keep in zip(snapshots, kept, strict=True) if keep] == sorted(
            (one["id"] for one in told[0]["keep"]), key=[one.id for one in snapshots].index
        )
