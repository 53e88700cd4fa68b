"""The page of one repository: its snapshots, sessions, sizes, retention, integrity and restores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session as Database

from airflow_provider_stash.operators.links import RUN_TAG
from airflow_provider_stash.plugins import records, statuses
from airflow_provider_stash.plugins.catalog import Backup
from airflow_provider_stash.plugins.overview import View, rows_of, session_result
from airflow_provider_stash.plugins.retention import removed_by_next, retention
from airflow_provider_stash.restic.snapshots import parse_time
from airflow_provider_stash.steps.results import now, rfc3339

_SESSIONS = 100
_SHORT = 8


def repository(seen: View, backup: Backup, database: Database, *, results: bool) -> dict[str, Any]:
    """
    Tell all that is recorded of a backup's repository.

    :param results: whether the user may read what tasks returned.
    :return: ``row`` as in the overview, ``snapshots``, ``sessions`` (the latest 100, the newest first), ``sizes``,
        ``retention``, ``integrity`` and ``restores``.
    """
    key = (backup.dag_id, backup.task_id)
    sessions = records.sessions(database, [backup], now(), _SESSIONS)[key]
    run_ids = [one.run_id for one in sessions]
    taken: str = backup.task_id
    check, forget = backup.task_of("ResticCheckOperator"), backup.task_of("ResticForgetOperator")
    tasks = [one for one in (taken, check, forget) if one]
    returned = records.results(database, backup.dag_id, run_ids, tasks) if results else {}
    if backup.one_task:
        taken, check, forget = "backup", "check", "forget"
        returned = {
            (run_id, name): part
            for (run_id, _), result in returned.items()
            for name, part in records.parts(result).items()
        }
    events = (
        statuses.statuses(database, [backup.restic_conn_id], [backup.dag_id], _SESSIONS).get(
            backup.restic_conn_id, []
        )
        if seen.assets
        else []
    )
    cleaned = next(
        ((run_id, returned[run_id, forget]) for run_id in run_ids if forget and (run_id, forget) in returned),
        None,
    )
    row = next(iter(rows_of(seen, [backup], database)), None)
    listed = statuses.snapshots(database, events[0]) if events else []
    removed_next = (
        removed_by_next(backup, listed, events[0].status.get("snapshotCount"), _next_backup(row))
        if events
        else None
    )
    return {
        "now": rfc3339(now()),
        "row": row,
        "snapshots": _snapshots(listed, taken, returned, cleaned, removed_next or set()),
        "sessions": [
            {**(session_result(one) or {}), **_stats(returned.get((one.run_id, taken)))} for one in sessions
        ],
        "sizes": [
            {
                "time": rfc3339(one.time),
                "total_size": one.status.get("totalSize"),
                "snapshot_count": one.status.get("snapshotCount"),
            }
            for one in reversed(events)
        ],
        "retention": retention(backup, cleaned, removed_next),
        "integrity": _integrity(sessions, check, returned),
        "restores": [
            {"dag_id": one.dag_id, "run_id": run.run_id, "time": rfc3339(run.run_after), "state": state}
            for one, run, state in records.restores(database, seen.restores_of(backup), 20)
        ],
    }


def _stats(result: Mapping[str, Any] | None) -> dict[str, Any]:
    result = result or {}
    return {
        "snapshot": result.get("snapshot"),
        "total_size": result.get("totalSize"),
        "uploaded": result.get("uploaded"),
        "backup_seconds": result.get("duration"),
    }


def _next_backup(row: Mapping[str, Any] | None) -> datetime:
    """Give the time of the next planned run; where none is planned, or it is overdue, now."""
    planned = row.get("next_run") if row else None
    return max(now(), parse_time(planned)) if planned else now()


def _snapshots(
    snapshots: Sequence[Mapping[str, Any]],
    taken: str,
    returned: Mapping[tuple[str, str], Mapping[str, Any]],
    cleaned: tuple[str, Mapping[str, Any]] | None,
    removed_next: set[str],
) -> list[dict[str, Any]]:
    by_id = {  # restic before 0.17 tells a short id of what it made
        str(result.get("snapshot"))[:_SHORT]: result
        for (_, task_id), result in returned.items()
        if task_id == taken
    }
    reasons = (cleaned[1].get("reasons") or {}) if cleaned else {}
    listed = []
    for one in snapshots:
        made_by = next(
            (tag.removeprefix(RUN_TAG) for tag in one.get("tags") or () if tag.startswith(RUN_TAG)), ""
        )
        dag_id, _, run_id = made_by.partition("/")
        result = by_id.get(one["snapshot"][:_SHORT], {})
        listed.append(
            {
                "snapshot": one["snapshot"],
                "time": one["time"],
                "hostname": one.get("hostname"),
                "revision": one.get("revision"),
                "key_count": one.get("keyCount"),
                "etcd_version": one.get("etcdVersion"),
                "total_size": one.get("totalSize") or result.get("totalSize"),
                "uploaded": result.get("uploaded"),
                "tags": [tag for tag in one.get("tags") or () if not tag.startswith(("etcd-", RUN_TAG))],
                "dag_id": dag_id or None,
                "run_id": run_id or None,
                "kept_because": reasons.get(one["snapshot"]),
                "removed_next": one["snapshot"] in removed_next,
            }
        )
    return listed


def _integrity(
    sessions: Sequence[Any], check: str | None, returned: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    history = []
    for one in sessions:
        result = returned.get((one.run_id, check or ""))
        if result is not None and "integrity" in result:
            history.append(
                {
                    "run_id": one.run_id,
                    "time": rfc3339(one.end or one.due),
                    "integrity": result["integrity"],
                    "read_data": result.get("readData"),
                    "errors": list(result.get("errors") or ())[:20],
                    "seconds": result.get("duration"),
                }
            )
    return history
