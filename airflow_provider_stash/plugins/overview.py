"""The overview: a row for each backup of a cluster to a repository, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session as Database

from airflow_provider_stash.plugins import records, statuses
from airflow_provider_stash.plugins.access import Access
from airflow_provider_stash.plugins.catalog import Backup, Card, Catalog, Restore
from airflow_provider_stash.protection import Protection, Session, Verdict, judge
from airflow_provider_stash.steps.results import now as present
from airflow_provider_stash.steps.results import rfc3339

_catalog = Catalog()
_BARS = 10
_RESTORES = 20


@dataclass(frozen=True, slots=True)
class View:
    """
    What a user sees of the DAGs of this package.

    :param readable: DAGs that the user may read.
    :param cards: of those of them that are of this package, by DAG id.
    :param triggerable: DAGs that the user may trigger.
    :param editable: DAGs that the user may pause and resume.
    :param assets: whether the user may read assets.
    """

    readable: set[str]
    cards: Mapping[str, Card]
    triggerable: set[str]
    editable: set[str]
    assets: bool

    @property
    def backups(self) -> list[Backup]:
        """Give all backups."""
        return [one for card in self.cards.values() for one in card.backups]

    def restores_of(self, backup: Backup) -> list[Restore]:
        """Give what restores this cluster from this repository."""
        return [
            one
            for card in self.cards.values()
            for one in card.restores
            if (one.etcd_conn_id, one.restic_conn_id) == (backup.etcd_conn_id, backup.restic_conn_id)
        ]


def view(access: Access, database: Database) -> View:
    """Look at the DAGs with a user's eyes."""
    readable = access.readable_dags()
    cards = _catalog.cards(readable, database)
    return View(
        readable,
        cards,
        access.triggerable_dags(cards),
        access.editable_dags(cards),
        access.may_read_assets(),
    )


def overview(access: Access, database: Database) -> dict[str, Any]:
    """
    Make the overview.

    :param access: of the user who asks.
    :return: ``now`` and ``rows``, see ``rows_of``; after them the clusters that no DAG backs up.
    """
    seen = view(access, database)
    rows = rows_of(seen, seen.backups, database)
    rows += _unprotected(seen, access.readable_connections(), database)
    severity = {one.value: one.severity for one in Protection}
    rows.sort(key=lambda row: (severity[row["status"]], row["since"] or "", row["etcd_conn_id"]))
    return {"now": rfc3339(present()), "rows": rows}


def rows_of(seen: View, backups: Sequence[Backup], database: Database) -> list[dict[str, Any]]:
    """
    Make the rows of backups.

    :return: for each ``dag_id``, ``task_id``, ``etcd_conn_id``, ``restic_conn_id``, ``hostname``, ``status``,
        ``reason``, ``since``, ``overdue``, ``paused``, ``schedule``, ``next_run``, ``last_success``, ``last_run``,
        ``sessions`` (the latest), ``repository``, ``restore_dags``, ``last_restore``, ``whole_dag``, and what the
        user may: ``may_trigger``, ``may_verify``, ``may_pause``.
    """
    now = present()
    dag_ids = {one.dag_id for one in backups}
    dags = {
        one.dag_id: one
        for one in database.execute(
            select(
                DagModel.dag_id,
                DagModel._dag_display_property_value.label("display_name"),
                DagModel.is_paused,
                DagModel.timetable_summary,
                DagModel.timetable_description,
                DagModel.next_dagrun_create_after,
            ).where(DagModel.dag_id.in_(dag_ids))
        )
    }
    sessions = records.sessions(database, backups, now)
    # Where these are all the runs that there are, no older one is to be found.
    without = [
        one
        for one in backups
        if len(latest := sessions[one.dag_id, one.task_id]) >= records.ENOUGH
        and not any(session.state == "success" for session in latest)
    ]
    older = records.last_successes(database, without)
    events = (
        statuses.statuses(database, {one.restic_conn_id for one in backups}, dag_ids, 2)
        if seen.assets
        else {}
    )
    restores = _last_restores(seen, backups, database)
    rows = []
    for backup in backups:
        dag = dags.get(backup.dag_id)
        if dag is None:
            continue
        key = (backup.dag_id, backup.task_id)
        verdict = judge(
            now,
            scheduled=seen.cards[backup.dag_id].scheduled,
            paused=dag.is_paused,
            next_due=dag.next_dagrun_create_after,
            sessions=sessions[key],
            last_success=older.get(key),
        )
        rows.append(
            {
                **_head(backup, verdict),
                "dag_display_name": dag.display_name or backup.dag_id,
                "paused": dag.is_paused,
                "schedule": dag.timetable_summary if seen.cards[backup.dag_id].scheduled else None,
                "schedule_description": dag.timetable_description,
                "next_run": _time(dag.next_dagrun_create_after if not dag.is_paused else None),
                "last_success": session_result(verdict.last_success),
                "last_run": session_result(sessions[key][0] if sessions[key] else None),
                "sessions": [session_result(one) for one in sessions[key][:_BARS]],
                "repository": repository_result(events.get(backup.restic_conn_id, [])),
                "restore_dags": [
                    {"dag_id": one.dag_id, "may_trigger": one.dag_id in seen.triggerable}
                    for one in seen.restores_of(backup)
                    if one.whole_dag
                ],
                "last_restore": restores.get((backup.etcd_conn_id, backup.restic_conn_id)),
                "whole_dag": backup.whole_dag,
                "may_trigger": backup.dag_id in seen.triggerable,
                "may_verify": backup.verifies and backup.dag_id in seen.triggerable,
                "may_pause": backup.dag_id in seen.editable,
            }
        )
    return rows


def _head(backup: Backup, verdict: Verdict) -> dict[str, Any]:
    return {
        "dag_id": backup.dag_id,
        "task_id": backup.task_id,
        "etcd_conn_id": backup.etcd_conn_id,
        "restic_conn_id": backup.restic_conn_id,
        "hostname": backup.hostname,
        "status": verdict.status.value,
        "reason": verdict.reason,
        "since": _time(verdict.since),
        "overdue": _time(verdict.overdue),
    }


def session_result(session: Session | None) -> dict[str, Any] | None:
    """Write a session as a plain dict."""
    if session is None:
        return None
    return {
        "run_id": session.run_id,
        "state": session.state,
        "due": _time(session.due),
        "start": _time(session.start),
        "end": _time(session.end),
        "seconds": session.seconds,
        "by_hand": session.by_hand,
    }


def repository_result(events: Sequence[statuses.Event]) -> dict[str, Any] | None:
    """
    Write a repository's status and its growth since the status before.

    :param events: the newest first.
    """
    if not events:
        return None
    status = events[0].status
    size, before = status.get("totalSize"), events[1].status.get("totalSize") if len(events) > 1 else None
    known = next((one for one in events if one.status.get("integrity") is not None), None)
    return {
        "time": rfc3339(events[0].time),
        "integrity": known.status["integrity"] if known else None,
        "verified": rfc3339(known.time) if known else None,
        "total_size": size,
        "growth": size - before if isinstance(size, int) and isinstance(before, int) else None,
        "snapshot_count": status.get("snapshotCount"),
        "last_backup": status.get("lastBackupTime"),
        "location": status.get("location"),
    }


def _last_restores(
    seen: View, backups: Sequence[Backup], database: Database
) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the latest restore of each cluster: the latest run whose task that proves it has ended."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    wanted = {(one.etcd_conn_id, one.restic_conn_id) for one in backups}
    targets = [
        one
        for card in seen.cards.values()
        for one in card.restores
        if (one.etcd_conn_id, one.restic_conn_id) in wanted and one.verify_task_id
    ]
    for one, run, state in records.restores(database, targets, _RESTORES):
        key = (one.etcd_conn_id, one.restic_conn_id)
        if key not in found or found[key]["time"] < rfc3339(run.run_after):
            found[key] = {
                "dag_id": one.dag_id,
                "run_id": run.run_id,
                "time": rfc3339(run.run_after),
                "state": state,
            }
    return found


def _unprotected(seen: View, connections: set[str], database: Database) -> list[dict[str, Any]]:
    """Find clusters that no DAG backs up: of restore DAGs, and of the connections that the user may read."""
    protected = {one.etcd_conn_id for one in seen.backups}
    known = {one.etcd_conn_id for card in seen.cards.values() for one in card.restores}
    known |= set(
        database.scalars(
            select(Connection.conn_id).where(
                Connection.conn_type == "etcd", Connection.conn_id.in_(connections)
            )
        )
    )
    return [
        {
            "dag_id": None,
            "task_id": None,
            "etcd_conn_id": conn_id,
            "restic_conn_id": None,
            "status": Protection.NEVER.value,
            "reason": "No DAG that you may read backs up this cluster.",
            "since": None,
        }
        for conn_id in sorted(known - protected)
    ]


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
