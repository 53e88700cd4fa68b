"""The DAG of a RestoreBatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule

from airflow_provider_stash.dags.batch_form import (
    BATCH_FIELDS,
    GO_ON,
    MEMBER_FIELDS,
    batch_form,
    may_restore,
)
from airflow_provider_stash.dags.forms import add_form
from airflow_provider_stash.dags.hooks import attach_after
from airflow_provider_stash.dags.manifest_session import (
    ManifestSettings,
    dag_arguments,
    hook_tasks,
    limit_tasks,
    restore_arguments,
    task_restore,
)
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.dags.restore import restore_dag_arguments
from airflow_provider_stash.dags.restore_session import RestoreForm, RestoreSession, RestoreTasks
from airflow_provider_stash.operators.turn import NextMemberOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import BaseOperator

    from airflow_provider_stash.dags.task_restore import TaskRestore
    from airflow_provider_stash.resources.plan import DagPlan, MemberPlan

_APPROVED, _CHECKED = "approved", "checked"
_OF_DAG = {"confirm", "approval", "notify", *MEMBER_FIELDS}


def restore_batch_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    """
    Make the DAG of a RestoreBatch: a group of tasks for each member, with its own way back.

    Side by side, each member goes its own way. One after another, no member is stopped before all are checked and
    approved, and none once another has failed, unless the form says to go on.
    """
    # What is the DAG's own, and the same for all members.
    confirm, approval, notify = (
        settings.restore.get(name, default)
        for name, default in (("confirm", True), ("approval", False), ("notify", ()))
    )
    phrase = planned.name if confirm else None
    arguments = add_callbacks(
        restore_dag_arguments(dag_arguments(planned)),
        notify,
        what=f"Restore of the batch {planned.namespace}/{planned.name} from {planned.repository.conn_id}",
        proof_task_id=_CHECKED,
        repeat=True,
    )
    with DAG(planned.dag_id, **arguments) as dag:
        groups, members, bumps = [], [], {}
        for member in planned.members:
            with TaskGroup(member.name) as group:
                if member.task is not None:
                    restore: RestoreSession | TaskRestore = task_restore(planned, member, settings)
                else:
                    given = restore_arguments(planned, member, settings)
                    bumps[member.name] = given["bump_revision"]
                    restore = RestoreSession(**{name: given[name] for name in given if name not in _OF_DAG})
                with TaskGroup("session"):
                    tasks = restore.build(dag, _form(dag, member), may_begin=may_restore(member.name, phrase))
                # A rejection skips what is right behind the question: of the batch that may be nothing.
                tasks.approve >> EmptyOperator(task_id=_APPROVED)
            members.append(tasks)
            groups.append(group)
        _tie(planned, settings, dag, groups, members)
    form = batch_form(planned.members, bumps, approval, sequential=planned.sequential, phrase=phrase)
    add_form(dag, form)
    limit_tasks(planned, dag)
    return dag


def _form(dag: DAG, member: MemberPlan) -> RestoreForm:
    own = MEMBER_FIELDS if member.restore is not None else ()
    return RestoreForm(
        **{name: dag.param(f"{member.name}.{name}") for name in own},
        **{name: dag.param(name) for name in BATCH_FIELDS},
    )


def _tie(
    planned: DagPlan,
    settings: ManifestSettings,
    dag: DAG,
    groups: Sequence[TaskGroup],
    members: Sequence[RestoreTasks],
) -> None:
    """Put the members in order, the batch's hooks around what changes them, and behind all the run's outcome."""
    asks = [one.approve for one in members]
    session: list[Any] = [
        task for group in groups for task in group.iter_tasks() if not task.is_teardown and task not in asks
    ]
    # A restore begins: of all members together, or of the first that is ready. Skipped where nothing is restored.
    rule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS if planned.sequential else TriggerRule.ONE_SUCCESS
    checked = EmptyOperator(task_id=_CHECKED, trigger_rule=rule)
    [dag.get_task(f"{member.name}.{_APPROVED}") for member in planned.members] >> checked
    before: list[BaseOperator] = hook_tasks(planned, planned.pre, None, settings)
    checked >> before
    go_on: Any = dag.param(GO_ON) if planned.sequential else False
    gate = before or ([checked] if planned.sequential else [])
    for number, (member, group, tasks) in enumerate(zip(planned.members, groups, members, strict=True)):
        for task in gate:
            task >> tasks.change
        if planned.sequential and number + 1 < len(members):
            # One that was rejected, or turned off, does not keep the next from its turn; one that failed does.
            turn = NextMemberOperator(
                task_id=f"after_{member.name}",
                member=member.name,
                data_task_ids=[task.task_id for task in group.iter_tasks() if not task.is_teardown],
                go_on=go_on,
            )
            group >> turn
            tasks.settle >> turn >> members[number + 1].change
    # What runs whatever happened must not hide a failure.
    [*session, *before] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
    after = hook_tasks(planned, planned.post, None, settings)
    attach_after(after, dag, [checked, *session, *before], host=checked, before=before, session={})
