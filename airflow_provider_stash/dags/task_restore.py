"""The DAG that restores by a Task of the user's own (Stash: RestoreSession)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.dags.forms import CONFIRM, add_form, require_confirmation, restore_form
from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.operators.base import as_bool
from airflow_provider_stash.operators.restic import ResticInitOperator
from airflow_provider_stash.operators.stash_task import StashTaskRestoreOperator
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.resources.task_plan import TaskPlan


def stash_task_restore_dag(
    dag_id: str,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    task: TaskPlan,
    execution: KubernetesJob | str,
    hostname: str = STASH_HOST,
    confirm: bool = True,
    pre_restore: Sequence[BaseOperator] = (),
    post_restore: Sequence[PostHook | BaseOperator] = (),
    metrics: Metrics | None = None,
    dag_kwargs: Mapping[str, Any] | None = None,
) -> DAG:
    """
    Make the DAG that restores by a Task; it has no schedule and is triggered by hand, with a form.

    What the Task's Functions do, they do: there is no check before, and no way back.

    :param dag_id: the DAG's id.
    :param etcd_conn_id: the target's connection, which names it.
    :param repository_conn_id: the restic connection.
    :param task: the Task.
    :param execution: how Jobs run: ``kubernetes`` or a ``KubernetesJob``.
    :param hostname: the restic host.
    :param confirm: whether a restore that is no dry run needs the etcd connection's id typed into the form.
    :param pre_restore: operators to run before, one after another.
    :param post_restore: operators or ``PostHook``s to run after.
    :param metrics: where the session's metrics go; None: nowhere.
    :param dag_kwargs: further arguments of the ``DAG``.
    """
    form = restore_form(hostname, False, "auto", phrase=etcd_conn_id if confirm else None)
    form = {name: form[name] for name in ("dry_run", CONFIRM) if name in form}
    form["dry_run"].description = "See that the repository is there, and run nothing."
    with DAG(
        dag_id,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        **(dag_kwargs or {}),
    ) as dag:
        first = ResticInitOperator(
            task_id="find_repository",
            restic_conn_id=repository_conn_id,
            create=False,
            execution=execution,
            pre_execute=require_confirmation(etcd_conn_id) if confirm else None,
            post_execute=_end_dry_run,
        )
        restore = StashTaskRestoreOperator(
            task_id="restore",
            plan=task,
            execution=execution,
            etcd_conn_id=etcd_conn_id,
            restic_conn_id=repository_conn_id,
            hostname=hostname,
            pushgateway_conn_id=metrics.pushgateway_conn_id if metrics else None,
        )
        chain_before(pre_restore, dag, [first]) >> restore
        data = [first, *pre_restore, restore]
        # What runs whatever happened must not hide a failure.
        data[-1] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
        after = attach_after(
            post_restore,
            dag,
            data,
            host=restore,
            before=pre_restore,
            session=described("RestoreSession", dag_id, etcd_conn_id),
        )
        if metrics is not None:
            metrics.push_after(
                [restore, *after],
                data=data,
                host=restore,
                session="restore",
                etcd_conn_id=etcd_conn_id,
                restic_conn_id=repository_conn_id,
                hostname=hostname,
            )
    add_form(dag, form)
    return dag


def _end_dry_run(context: Context, result: Any) -> None:
    """End a dry run when the repository was found: neither hooks nor the Task run."""
    if as_bool(context["params"]["dry_run"], "dry_run"):
        raise AirflowSkipException(
            "A dry run ends here: the repository was found, and nothing else was done."
        )
