"""Reads what runs have recorded in Airflow's database: sessions, states and results of tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session as Database

from airflow_provider_stash.plugins.catalog import Backup, Restore
from airflow_provider_stash.protection import Session

WINDOW = timedelta(days=8)
"""Runs of this time are looked at first, by the index of their time; rarer ones in a second query."""

ENOUGH = 12
"""Sessions of each backup in the overview."""

_FAILED = {"failed", "upstream_failed"}
_BY_SCHEDULE = "scheduled"
_PARTS = ("backup", "forget", "check", "status")


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of a run, as its latest try has it."""

    state: str | None
    start: datetime | None
    end: datetime | None
    try_number: int = 0


def sessions(
    database: Database, backups: Sequence[Backup], now: datetime, limit: int = ENOUGH
) -> dict[tuple[str, str], list[Session]]:
    """
    Read the latest sessions of each backup.

    :param limit: how many of each.
    :return: the newest first, by DAG id and task id.
    """
    dag_ids = {one.dag_id for one in backups}
    runs = _runs(database, dag_ids, limit, since=now - WINDOW)
    rare = {dag_id for dag_id in dag_ids if len(runs.get(dag_id, ())) < limit}
    if rare:
        runs.update(_runs(database, rare, limit))
    wanted = {(one.dag_id, task) for one in backups for task in _telling_tasks(one)}
    states = _states(database, runs, {task for _, task in wanted})
    return {
        (one.dag_id, one.task_id): [
            _session(one, run, states) for run in runs.get(one.dag_id, ())
        ]
        for one in backups
    }  # fmt: skip


def last_successes(database: Database, backups: Iterable[Backup]) -> dict[tuple[str, str], Session]:
    """Read the latest success of backups whose latest sessions hold none."""
    found = {}
    for backup in backups:
        task_id = backup.outcome_task_id or backup.task_id
        run = database.scalars(
            select(DagRun)
            .join(
                TaskInstance,
                (TaskInstance.dag_id == DagRun.dag_id) & (TaskInstance.run_id == DagRun.run_id),
            )
            .where(DagRun.dag_id == backup.dag_id, TaskInstance.task_id == task_id)
            .where(TaskInstance.state == "success", DagRun.end_date.is_not(None))
            .where(
                select(XComModel.dag_run_id)
                .where(XComModel.dag_run_id == DagRun.id, XComModel.task_id == backup.task_id)
                .where(XComModel.key == "return_value")
                .exists()
            )
            .order_by(DagRun.run_after.desc())
            .limit(1)
        ).first()
        if run is not None:
            found[backup.dag_id, backup.task_id] = Session(
                run.run_id,
                run.run_after,
                "success",
                run.start_date,
                run.end_date,
                by_hand=run.run_type != _BY_SCHEDULE,
            )
    return found


def _telling_tasks(backup: Backup) -> list[str]:
    return [one for one in (backup.task_id, backup.outcome_task_id) if one]


def _runs(
    database: Database, dag_ids: set[str], limit: int, since: datetime | None = None
) -> dict[str, list[Any]]:
    """Read the latest runs of each DAG, the newest first."""
    rank = func.row_number().over(partition_by=DagRun.dag_id, order_by=DagRun.run_after.desc())
    ranked: Select[Any] = select(DagRun.id.label("id"), rank.label("rank")).where(DagRun.dag_id.in_(dag_ids))
    if since is not None:
        ranked = ranked.where(DagRun.run_after >= since)
    numbered = ranked.subquery()
    rows = database.execute(
        select(
            DagRun.dag_id,
            DagRun.run_id,
            DagRun.run_after,
            DagRun.run_type,
            DagRun.start_date,
            DagRun.end_date,
            DagRun._state.label("state"),
        )
        .join(numbered, numbered.c.id == DagRun.id)
        .where(numbered.c.rank <= limit)
        .order_by(DagRun.run_after.desc())
    )
    runs: dict[str, list[Any]] = {}
    for row in rows:
        runs.setdefault(row.dag_id, []).append(row)
    return runs


def _states(
    database: Database, runs: Mapping[str, Sequence[Any]], task_ids: set[str]
) -> dict[tuple[str, str, str], str | None]:
    """Read the states of tasks, by DAG, run and task."""
    run_ids = {run.run_id for of_dag in runs.values() for run in of_dag}
    if not run_ids:
        return {}
    rows = database.execute(
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state)
        .where(TaskInstance.dag_id.in_(set(runs)), TaskInstance.task_id.in_(task_ids))
        .where(TaskInstance.run_id.in_(run_ids))
    )
    return {(row.dag_id, row.run_id, row.task_id): row.state for row in rows}


def _session(backup: Backup, run: Any, states: Mapping[tuple[str, str, str], str | None]) -> Session:
    def state_of(task_id: str) -> str | None:
        return states.get((run.dag_id, run.run_id, task_id))

    outcome = state_of(backup.outcome_task_id) if backup.outcome_task_id else run.state
    return Session(
        run.run_id,
        run.run_after,
        _told(run.state, state_of(backup.task_id), outcome),
        run.start_date,
        run.end_date,
        by_hand=run.run_type != _BY_SCHEDULE,
    )


def _told(run: str, backup: str | None, outcome: str | None) -> str:
    """Tell a session's state from those of the run, of the task that backs up, and of the data tasks together."""
    if run in {"queued", "running"}:
        return run
    if outcome in _FAILED or backup in _FAILED or (run == "failed" and outcome != "success"):
        return "failed"
    return "success" if backup == "success" else "skipped"


def restores(database: Database, targets: Sequence[Restore], limit: int) -> list[tuple[Restore, Any, str]]:
    """
    Read the latest runs of restore DAGs that did restore, or tried to; dry runs and rejected ones did not.

    :param limit: how many runs of each DAG are looked at.
    :return: for each its DAG, the run, and ``success``, ``failed`` or ``running``; the newest first.
    """
    runs = _runs(database, {one.dag_id for one in targets}, limit)
    states = _states(database, runs, {one.verify_task_id for one in targets if one.verify_task_id})
    found = []
    for one in targets:
        for run in runs.get(one.dag_id, ()):
            verified = states.get((run.dag_id, run.run_id, one.verify_task_id or ""))
            if run.state in {"queued", "running"}:
                found.append((one, run, "running"))
            elif verified in {"success", *_FAILED}:
                found.append((one, run, "success" if verified == "success" else "failed"))
    return found


def task_states(database: Database, dag_id: str, run_ids: Iterable[str]) -> dict[tuple[str, str], TaskState]:
    """Read the tasks of runs of one DAG, by run and task."""
    rows = database.execute(
        select(
            TaskInstance.run_id,
            TaskInstance.task_id,
            TaskInstance.state,
            TaskInstance.start_date,
            TaskInstance.end_date,
            TaskInstance.try_number,
        ).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id.in_(set(run_ids)))
    )
    return {
        (row.run_id, row.task_id): TaskState(row.state, row.start_date, row.end_date, row.try_number)
        for row in rows
    }


def results(
    database: Database, dag_id: str, run_ids: Iterable[str], task_ids: Iterable[str]
) -> dict[tuple[str, str], dict[str, Any]]:
    """
    Read what tasks returned, by run and task.

    A result that a custom XCom backend keeps elsewhere is left out.
    """
    rows = database.execute(
        select(XComModel.run_id, XComModel.task_id, XComModel.value)
        .where(XComModel.dag_id == dag_id, XComModel.run_id.in_(set(run_ids)))
        .where(XComModel.task_id.in_(set(task_ids)), XComModel.key == "return_value")
    )
    values = {(row.run_id, row.task_id): _plain(row.value) for row in rows}
    return {key: value for key, value in values.items() if isinstance(value, dict)}


def parts(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give what each step returned of a session that was one task (``steps.session``): its result by step."""
    return {name: part for name in _PARTS if isinstance(part := result.get(name), dict)}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value
