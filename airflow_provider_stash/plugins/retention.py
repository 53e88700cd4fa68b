"""The retention policy of a backup: what it did last, and what it will do after the next backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.plugins.catalog import Backup
from airflow_provider_stash.restic.keep import Dated, keeps
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import parse_time
from airflow_provider_stash.steps.layout import KEEP_FOREVER_TAG, SNAPSHOT_PATHS


def retention(
    backup: Backup, cleaned: tuple[str, Mapping[str, Any]] | None, removed_next: set[str] | None
) -> dict[str, Any]:
    """
    Tell the policy and its results.

    :param cleaned: the latest run whose forget step ended, and what that step returned.
    :param removed_next: see ``removed_by_next``.
    :return: ``policy`` in Stash's names, ``run_id``, ``kept``, ``removed``, ``freed``, ``dry_run``, and
        ``removes_next`` (a number; None: not known).
    """
    result = cleaned[1] if cleaned else {}
    return {
        "policy": dict(backup.retention_policy) if backup.retention_policy else None,
        "run_id": cleaned[0] if cleaned else None,
        "kept": len(result.get("kept") or ()) if cleaned else None,
        "removed": len(result.get("removed") or ()) if cleaned else None,
        "freed": result.get("freed"),
        "dry_run": result.get("dryRun"),
        "removes_next": None if removed_next is None else len(removed_next),
    }


def removed_by_next(
    backup: Backup, snapshots: Sequence[Mapping[str, Any]], count: int | None, next_backup: datetime
) -> set[str] | None:
    """
    Tell which snapshots the policy will remove after the next backup.

    :param snapshots: as the repository's status lists them.
    :param count: of all snapshots in the repository.
    :param next_backup: when the next snapshot will be taken.
    :return: their ids; None: that can't be told: there is no policy, host or policy are known in a run alone, or not
        all snapshots are listed.
    """
    if not backup.retention_policy or backup.hostname is None or count != len(snapshots):
        return None
    try:
        policy = RetentionPolicy.from_stash(backup.retention_policy).keeping(KEEP_FOREVER_TAG)
    except InvalidConfigurationError:  # of templates
        return None
    series = [
        one
        for one in snapshots
        if one.get("hostname") == backup.hostname and tuple(one.get("paths") or ()) in SNAPSHOT_PATHS
    ]
    dated = [Dated(parse_time(one["time"]), one.get("tags") or ()) for one in series]
    kept = keeps(policy, [*dated, Dated(next_backup)])
    return {one["snapshot"] for one, keep in zip(series, kept, strict=False) if not keep}
