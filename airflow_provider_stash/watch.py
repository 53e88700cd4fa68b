"""What to tell people of the overview of all backups, and what they were told already. No Airflow, no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_stash.protection import Protection
from airflow_provider_stash.steps.results import human_seconds, parse_rfc3339

UNPROTECTED = (Protection.FAILING, Protection.MISSED, Protection.NEVER, Protection.LATE, Protection.PAUSED)
"""What is told of unless a DAG says otherwise."""

_BAD = {one.value for one in UNPROTECTED}
_GONE = "Was its DAG removed, can its file no longer be read, or may the watchdog's user no longer read it?"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class News:
    """
    What changed since people were told.

    :param unprotected: names of the backups that are not as they should be now, told of or not.
    :param worse: lines on backups that were not told of, or stand otherwise now, or are no longer there.
    :param mended: lines on backups that were told of, and are good now.
    :param told: what will have been told, and which backups were seen to be good: the status by the backup's name.
    """

    unprotected: list[str] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """Give one line."""
        parts = []
        if self.worse:
            parts.append(f"{_count(len(self.worse), 'etcd backup')} not as wanted")
        if self.mended:
            parts.append(f"{len(self.mended)} good again")
        return ", ".join(parts)


def news(
    rows: Sequence[Row],
    told: Mapping[str, str],
    now: datetime,
    *,
    statuses: Collection[Protection] = UNPROTECTED,
    forgotten_after: timedelta = timedelta(days=1),
) -> News:
    """
    Compare the overview with what was told.

    :param rows: of the Backups page's overview.
    :param told: ``News.told`` of the last time.
    :param statuses: of which to tell.
    :param forgotten_after: a paused DAG is told of once a backup that its schedule wanted is missing for so long; one
        that never made a backup, once one has been due.
    """
    result = News()
    seen = {name_of(row): row for row in rows}
    for name, row in seen.items():
        status, before = Protection(row["status"]), told.get(name)
        if status in statuses and _counts(row, status, now, forgotten_after):
            result.unprotected.append(name)
            result.told[name] = status.value
            if before != status.value:
                result.worse.append(f"{name}: {status.value}. {row['reason']}{_since(row, now)}")
        elif status in UNPROTECTED:
            # No news as it stands now, and no recovery either: paused since, say.
            if before is not None:
                result.told[name] = before
            if before in _BAD:
                result.unprotected.append(name)
        else:
            result.told[name] = status.value  # so that it is missed when it is gone
            if before in _BAD:
                result.mended.append(f"{name}: was {before}. {row['reason']}")
    for name, before in told.items():
        if name not in seen:
            result.worse.append(f"{name}: was {before}, and is no longer there. {_GONE}")
    return result


def name_of(row: Row) -> str:
    """Name a backup: cluster, repository, and the DAG that makes it."""
    if row["dag_id"] is None:
        return f"{row['etcd_conn_id']} (no DAG)"
    task = "" if row["task_id"] == "backup" else f".{row['task_id']}"
    return f"{row['etcd_conn_id']} to {row['restic_conn_id']} (DAG {row['dag_id']}{task})"


def _counts(row: Row, status: Protection, now: datetime, forgotten_after: timedelta) -> bool:
    """Tell whether a status is more than somebody's wish: a DAG that is paused, or new, may be meant so."""
    overdue = row.get("overdue")
    if status is Protection.PAUSED:
        return overdue is not None and now - parse_rfc3339(overdue) >= forgotten_after
    if status is Protection.NEVER and row["dag_id"] is not None:
        return overdue is not None
    return True


def _since(row: Row, now: datetime) -> str:
    since = row.get("since") or row.get("overdue")
    if since is None:
        return ""
    return f" Since {since}, {human_seconds(max(0.0, (now - parse_rfc3339(since)).total_seconds()))} ago."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
