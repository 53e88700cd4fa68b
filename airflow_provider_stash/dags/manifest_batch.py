"""The DAG of a BackupBatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule

from airflow_provider_stash.dags.backup import etcd_backup
from airflow_provider_stash.dags.manifest_session import (
    ManifestSettings,
    backup_arguments,
    dag_arguments,
    hook_tasks,
    schedule_of,
)
from airflow_provider_stash.operators.restic import ResticInitOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider_stash.resources.plan import DagPlan, MemberPlan


def backup_batch_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    """Make the DAG of a BackupBatch: a group of tasks for each member, side by side or one after another."""
    with DAG(
        planned.dag_id,
        schedule=schedule_of(planned.schedule),
        is_paused_upon_creation=planned.paused,
        dagrun_timeout=planned.timeout,
        catchup=False,
        max_active_runs=1,
        **dag_arguments(planned),
    ) as dag:
        # Made once: members side by side would all make it.
        init = ResticInitOperator(task_id="init_repository", restic_conn_id=planned.repository.conn_id)
        groups = [_backup_member(planned, member, settings) for member in planned.members]
        _around(planned, settings, dag, [init], groups)
    return dag


def _backup_member(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> TaskGroup:
    with TaskGroup(member.name) as group:
        etcd_backup(
            "session",
            pre_backup=hook_tasks(planned, member.pre, member, settings),
            post_backup=hook_tasks(planned, member.post, member, settings),
            **{**backup_arguments(planned, member, settings), "initialize": False},
        )
    return group


def _around(
    planned: DagPlan,
    settings: ManifestSettings,
    dag: DAG,
    first: Sequence[BaseOperator],
    groups: Sequence[TaskGroup],
) -> None:
    """Put the members in order, the batch's hooks around them, and behind them what tells the run's state."""
    before = hook_tasks(planned, planned.pre, None, settings)
    if before and first:
        list(first) >> before[0]
    start: list[Any] = [before[0]] if before else list(first)
    session = [task for task in _tasks(groups) if not task.is_teardown]
    earlier: list[Any] = []
    for member, group in zip(planned.members, groups, strict=True):
        for task in [*start, *earlier]:
            task >> group
        if planned.sequential:
            # As in Stash the next member's turn comes whether this one succeeded or not.
            turn = EmptyOperator(task_id=f"after_{member.name}", trigger_rule=TriggerRule.ALL_DONE)
            group >> turn
            earlier = [turn]
    # What runs whatever happened must not hide a failure.
    outcome = EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
    session >> outcome
    about = [*first, *session]
    after = hook_tasks(
        planned,
        planned.post,
        None,
        settings,
        session=[task.task_id for task in about],
        before=[task.task_id for task in before],
    )
    for hook in after:
        about >> hook


def _tasks(groups: Sequence[TaskGroup]) -> list[BaseOperator]:
    tasks: list[Any] = []
    for group in groups:
        tasks += list(group.iter_tasks())
    return tasks
