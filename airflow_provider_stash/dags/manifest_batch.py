"""The DAG of a BackupBatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule

from airflow_provider_stash.dags.backup import etcd_backup
from airflow_provider_stash.dags.manifest_schedule import schedule_of
from airflow_provider_stash.dags.manifest_session import (
    ManifestSettings,
    backup_arguments,
    dag_arguments,
    hook_tasks,
)
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.restic import ResticInitOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider_stash.resources.plan import DagPlan, MemberPlan

_OF_DAG = {"notify", "overlap"}


def backup_batch_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    """
    Make the DAG of a BackupBatch: a group of tasks for each member, side by side or one after another.

    :raises InvalidConfigurationError: the settings want what a batch can't do.
    """
    notify, overlap = settings.backup.get("notify", ()), settings.backup.get("overlap", "queue")
    if overlap != "queue":
        raise InvalidConfigurationError(
            f"ManifestSettings(backup=...): overlap is {overlap!r}, and the runs of a BackupBatch always queue."
        )
    arguments = add_callbacks(
        dag_arguments(planned),
        notify,
        what=f"Backup of the batch {planned.namespace}/{planned.name} to {planned.repository.conn_id}",
        proof_task_id="outcome",
    )
    with DAG(
        planned.dag_id,
        schedule=schedule_of(planned.schedule),
        is_paused_upon_creation=planned.paused,
        dagrun_timeout=planned.timeout,
        catchup=False,
        max_active_runs=1,
        **arguments,
    ) as dag:
        members = [backup_arguments(planned, member, settings) for member in planned.members]
        groups = [
            _backup_member(planned, member, given, settings)
            for member, given in zip(planned.members, members, strict=True)
        ]
        _around(planned, settings, dag, [_init(planned, members[0])], groups)
    return dag


def _init(planned: DagPlan, given: Mapping[str, Any]) -> BaseOperator:
    """Make the repository once, where its members' steps run: side by side all would make it."""
    pool = {"pool": given["pool"]} if given.get("pool") else {}
    return ResticInitOperator(
        task_id="init_repository",
        restic_conn_id=planned.repository.conn_id,
        create=given.get("initialize", True),
        execution=given["execution"],
        **pool,
    )


def _backup_member(
    planned: DagPlan, member: MemberPlan, given: Mapping[str, Any], settings: ManifestSettings
) -> TaskGroup:
    session = {name: value for name, value in given.items() if name not in _OF_DAG}
    with TaskGroup(member.name) as group:
        etcd_backup(
            "session",
            pre_backup=hook_tasks(planned, member.pre, member, settings),
            post_backup=hook_tasks(planned, member.post, member, settings),
            **{**session, "initialize": False},
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
