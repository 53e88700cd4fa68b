"""A backup or restore session in Stash's words: phase, conditions, targets, stats, and the steps' states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session as Database

from airflow_provider_stash.plugins import records
from airflow_provider_stash.plugins.catalog import BACKS_UP, Card
from airflow_provider_stash.steps.results import now, rfc3339

_FOUND, _INITIALIZED = "BackupTargetFound", "BackendRepositoryInitialized"
_CONDITIONS = {
    "EtcdHealthSensor": _FOUND,
    "EtcdWaitOperator": _FOUND,
    "ResticInitOperator": _INITIALIZED,
    "EtcdBackupOperator": "SnapshotTaken",
    "EtcdBackupSessionOperator": "BackupCompleted",
    "StashTaskBackupOperator": "BackupCompleted",
    "ResticForgetOperator": "RetentionPolicyApplied",
    "ResticCheckOperator": "RepositoryIntegrityVerified",
    "ResticStatusOperator": "RepositoryStatusUpdated",
    "PushMetricsOperator": "MetricsPushed",
    "ResolveSnapshotOperator": "SnapshotFound",
    "FetchSnapshotOperator": "ValidationPassed",
    "RestoreApprovalOperator": "RestoreApproved",
    "TaskApprovalOperator": "RestoreApproved",
    "StopMembersOperator": "MembersStopped",
    "FillMembersOperator": "DataRestored",
    "StartMembersOperator": "MembersStarted",
    "VerifyRestoreOperator": "RestoreCompleted",
    "StashTaskRestoreOperator": "RestoreCompleted",
    "RollBackOperator": "RolledBack",
    "CleanUpRestoreOperator": "CleanedUp",
}
"""What each step shows, as Stash's conditions name it where Stash has one."""

_TOLD = (*BACKS_UP, "ResticStatusOperator", "ResticCheckOperator", "ResticForgetOperator")
_TOLD_OF_RESTORE = ("FetchSnapshotOperator", "VerifyRestoreOperator", "RollBackOperator")
_RESTORED = frozenset({"VerifyRestoreOperator", "StashTaskRestoreOperator"})
_CONF = ("snapshot", "dry_run")
_OMITTED = ("snapshots", "reasons", "file", "token", "sha256", "hash", "warnings", "members", "live", "stats")


def find_run(database: Database, dag_id: str, run_id: str | None) -> DagRun | None:
    """Find a run of a DAG; without an id the latest."""
    query = select(DagRun).where(DagRun.dag_id == dag_id)
    if run_id is not None:
        query = query.where(DagRun.run_id == run_id)
    return database.scalars(query.order_by(DagRun.run_after.desc()).limit(1)).first()


def session(
    database: Database, card: Card | None, run: DagRun | None, dag_id: str, *, results: bool
) -> dict[str, Any]:
    """
    Tell a session.

    :param card: what the DAG has of this package; None: nothing.
    :param results: whether the user may read what tasks returned.
    :return: ``kind`` (``BackupSession``, ``RestoreSession`` or None), and unless that is None ``phase``,
        ``conditions``, ``targets``, ``stats``, ``steps`` and times. Without a run ``phase`` is None.
    """
    kind = None
    if card is not None:
        kind = "BackupSession" if card.backups else "RestoreSession" if card.restores else None
    told: dict[str, Any] = {"now": rfc3339(now()), "kind": kind, "dag_id": dag_id, "phase": None}
    if card is None or kind is None:
        return told
    told["targets"] = [
        *(_target(one.etcd_conn_id, one.restic_conn_id, one.task_id) for one in card.backups),
        *(_target(one.etcd_conn_id, one.restic_conn_id, None) for one in card.restores),
    ]
    if run is None:
        return told
    states = records.task_states(database, dag_id, [run.run_id])
    wanted = _TOLD if kind == "BackupSession" else _TOLD_OF_RESTORE
    tasks = [task_id for task_id, name in card.kinds.items() if name in wanted]
    returned = records.results(database, dag_id, [run.run_id], tasks) if results else {}
    told_of = {  # by heading and task: a session that was one task is told by its steps
        (f"{task_id}: {name}" if name else task_id, task_id): result
        for (_, task_id), whole in returned.items()
        for name, result in (records.parts(whole) or {"": whole}).items()
    }
    steps = [
        _step(task_id, card.kinds.get(task_id), state)
        for (_, task_id), state in sorted(
            states.items(), key=lambda item: (item[1].start is None, item[1].start or now(), item[0])
        )
    ]
    return {
        **told,
        "run_id": run.run_id,
        "phase": _phase(kind, str(run._state), card, states, run.run_id),
        "due": rfc3339(run.run_after),
        "start": rfc3339(run.start_date) if run.start_date else None,
        "end": rfc3339(run.end_date) if run.end_date else None,
        "conf": {name: value for name, value in (run.conf or {}).items() if name in _CONF},
        "conditions": [
            condition
            for step in steps
            for condition in _conditions(step, returned.get((run.run_id, step["task_id"]), {}), card)
        ],
        "stats": [
            {"task_id": heading, "kind": card.kinds[task_id], "values": _shown(result)}
            for (heading, task_id), result in told_of.items()
        ],
        "warnings": [
            warning for result in told_of.values() for warning in result.get("warnings") or () if warning
        ],
        "steps": steps,
    }


def _target(etcd_conn_id: str, restic_conn_id: str, task_id: str | None) -> dict[str, str | None]:
    return {"etcd_conn_id": etcd_conn_id, "restic_conn_id": restic_conn_id, "task_id": task_id}


def _phase(
    kind: str, run: str, card: Card, states: Mapping[tuple[str, str], records.TaskState], run_id: str
) -> str:
    """Give the phase as Stash names it."""
    if run == "queued":
        return "Pending"
    if run == "running":
        return "Running"
    if run == "failed":
        return "Failed"
    telling = BACKS_UP if kind == "BackupSession" else _RESTORED
    ended = [
        states[run_id, task_id].state
        for task_id, name in card.kinds.items()
        if name in telling and (run_id, task_id) in states
    ]
    return "Succeeded" if "success" in ended else "Skipped"


def _step(task_id: str, kind: str | None, state: records.TaskState) -> dict[str, Any]:
    seconds = (state.end - state.start).total_seconds() if state.start and state.end else None
    return {
        "task_id": task_id,
        "kind": kind,
        "state": state.state,
        "try_number": state.try_number,
        "start": rfc3339(state.start) if state.start else None,
        "end": rfc3339(state.end) if state.end else None,
        "seconds": seconds,
    }


def _conditions(step: Mapping[str, Any], result: Mapping[str, Any], card: Card) -> list[dict[str, Any]]:
    kind, state = step["kind"], step["state"]
    if kind not in _CONDITIONS:
        return []
    if kind == "RollBackOperator" and state in {"success", "skipped"} and not result.get("members"):
        return []  # nothing had been stopped, or all went well: nothing was rolled back
    status = (
        "True" if state == "success" else "False" if state in {"failed", "upstream_failed"} else "Unknown"
    )
    told = {"state": state, "task_id": step["task_id"], "time": step["end"]}
    conditions = [{"type": _CONDITIONS[kind], "status": status, **told}]
    if kind == "EtcdBackupOperator":
        # It waits for etcd, and finds the repository or makes it. A failed one does not tell whether it got so far.
        met = "True" if state == "success" else "Unknown"
        elsewhere = {_CONDITIONS.get(one) for one in card.kinds.values()}
        before = [
            {"type": one, "status": met, **told} for one in (_FOUND, _INITIALIZED) if one not in elsewhere
        ]
        return [*before, *conditions]
    return conditions


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is long or says nothing to a person; lists are told by their length."""
    return {
        name: len(value) if isinstance(value, list) else value
        for name, value in result.items()
        if name not in _OMITTED and not isinstance(value, dict) and value is not None
    }
