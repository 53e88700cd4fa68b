"""The tasks and the DAG that restore by a Task of the user's own (Stash: RestoreSession)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule

from airflow_provider_stash.dags.forms import CONFIRM, add_form, require_confirmation, restore_form
from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.dags.restore import restore_dag_arguments
from airflow_provider_stash.dags.restore_session import RestoreForm, RestoreTasks
from airflow_provider_stash.operators.approval import TaskApprovalOperator
from airflow_provider_stash.operators.restic import ResticInitOperator
from airflow_provider_stash.operators.stash_task import StashTaskRestoreOperator
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.bases.notifier import BaseNotifier

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.resources.task_plan import TaskPlan


@dataclass(frozen=True, kw_only=True)
class TaskRestore:
    """
    What a restore by a Task is made of.

    What the Task's Functions do, they do: of what is there nothing is checked but the repository, and there is no
    way back.

    :param etcd_conn_id: the target's connection, which names it.
    :param repository_conn_id: the restic connection.
    :param task: the Task.
    :param execution: how Jobs run: ``kubernetes`` or a ``KubernetesJob``.
    :param hostname: the restic host.
    :param approval_timeout: how long to wait for a person's answer; None: for ever.
    :param pre_restore: operators to run before, one after another.
    :param post_restore: operators or ``PostHook``s to run after.
    :param metrics: where the session's metrics go; None: nowhere.
    """

    etcd_conn_id: str
    repository_conn_id: str
    task: TaskPlan
    execution: KubernetesJob | str
    hostname: str = STASH_HOST
    approval_timeout: timedelta | None = None
    pre_restore: Sequence[BaseOperator] = ()
    post_restore: Sequence[PostHook | BaseOperator] = ()
    metrics: Metrics | None = None

    def build(
        self, dag: DAG, form: RestoreForm, *, may_begin: Callable[[Context], None] | None = None
    ) -> RestoreTasks:
        """
        Make the tasks in a DAG, or in the group that is open.

        :param form: of it ``approval`` and ``dry_run`` count: the Task chooses its snapshots.
        :param may_begin: called before the first one; raises what forbids, or skips, the restore.
        """
        find = ResticInitOperator(
            task_id="find_repository",
            restic_conn_id=self.repository_conn_id,
            create=False,
            execution=self.execution,
            pre_execute=may_begin,
        )
        approve = TaskApprovalOperator(
            task_id="approve",
            task=self.task,
            etcd_conn_id=self.etcd_conn_id,
            ask=form.approval,
            plan_only=form.dry_run,
            response_timeout=self.approval_timeout,
        )
        restore = StashTaskRestoreOperator(
            task_id="restore",
            plan=self.task,
            execution=self.execution,
            etcd_conn_id=self.etcd_conn_id,
            restic_conn_id=self.repository_conn_id,
            hostname=self.hostname,
            pushgateway_conn_id=self.metrics.pushgateway_conn_id if self.metrics else None,
        )
        find >> approve
        chain_before(self.pre_restore, dag, [approve]) >> restore
        data = [find, approve, *self.pre_restore, restore]
        # What runs whatever happened must not hide a failure.
        data[-1] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
        after = attach_after(
            self.post_restore,
            dag,
            data,
            host=restore,
            before=self.pre_restore,
            session=described("RestoreSession", dag.dag_id, self.etcd_conn_id),
        )
        if self.metrics is not None:
            self.metrics.push_after(
                [restore, *after],
                data=data,
                host=restore,
                session="restore",
                etcd_conn_id=self.etcd_conn_id,
                restic_conn_id=self.repository_conn_id,
                hostname=self.hostname,
            )
        return RestoreTasks(approve, [*self.pre_restore, restore][0], restore)


def stash_task_restore_dag(
    dag_id: str,
    restore: TaskRestore,
    *,
    confirm: bool = True,
    approval: bool = False,
    notify: Sequence[BaseNotifier] = (),
    dag_kwargs: Mapping[str, Any] | None = None,
) -> DAG:
    """
    Make the DAG that restores by a Task; it has no schedule and is triggered by hand, with a form.

    :param dag_id: the DAG's id.
    :param restore: what it is made of.
    :param confirm: whether a restore that is no dry run needs the etcd connection's id typed into the form.
    :param approval: whether a person is asked before the Task runs, unless the form says otherwise.
    :param notify: Airflow notifiers that tell of each failure, and of a success after one.
    :param dag_kwargs: further arguments of the ``DAG``.
    """
    phrase = restore.etcd_conn_id if confirm else None
    form = restore_form(restore.hostname, approval, "auto", phrase=phrase)
    form = {name: form[name] for name in ("approval", "dry_run", CONFIRM) if name in form}
    ask, dry = form["approval"], form["dry_run"]
    ask.description = "Wait for a person's approval (Required Actions) before the Task's Functions run."
    dry.description = "See that the repository is there, and run nothing."
    arguments = add_callbacks(
        restore_dag_arguments(dag_kwargs or {}),
        notify,
        what=f"Restore of {restore.etcd_conn_id} from {restore.repository_conn_id}",
        proof_task_id="restore",
        repeat=True,
    )
    with DAG(dag_id, **arguments) as dag:
        restore.build(
            dag,
            RestoreForm(**{name: dag.param(name) for name in ("approval", "dry_run")}),
            may_begin=require_confirmation(phrase) if phrase is not None else None,
        )
    add_form(dag, form)
    return dag
