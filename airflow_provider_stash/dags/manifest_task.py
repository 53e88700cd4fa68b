"""What of Stash's manifests is for Tasks of the user's own. Few manifests have any: it is imported where one has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_stash.dags.manifest_session import dag_arguments, hook_tasks, limit_tasks
from airflow_provider_stash.dags.task_restore import TaskRestore, stash_task_restore_dag
from airflow_provider_stash.resources.refusal import Refused

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_provider_stash.dags.manifest_session import ManifestSettings
    from airflow_provider_stash.dags.metrics import Metrics
    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.resources.plan import DagPlan, MemberPlan


def needs_kubernetes(member: MemberPlan, execution: KubernetesJob | None) -> KubernetesJob:
    """
    Give how the Job of a target's own Task runs.

    :param execution: where steps run; None: in the worker.
    :raises Refused: in the worker.
    """
    assert member.task is not None
    if execution is None:
        steps = ", ".join(one["name"] for one in member.task.spec["steps"])
        raise Refused(
            f"{member.path}.task.name",
            f"{member.task.name!r} is a Task of your own: its Functions ({steps}) run in a Pod, a worker can't run "
            'them. Give dags_from_manifests settings=ManifestSettings(execution="kubernetes"), or a KubernetesJob.',
        )
    return execution


def own_restore(
    planned: DagPlan,
    member: MemberPlan,
    settings: ManifestSettings,
    *,
    execution: KubernetesJob | None,
    metrics: Metrics | None,
) -> TaskRestore:
    """
    Give what the restore of a target by a Task of the user's own is made of.

    :param execution: where steps run.
    :param metrics: where the session's metrics go; None: nowhere.
    :raises Refused: the Task can't be run there.
    """
    assert member.task is not None
    return TaskRestore(
        etcd_conn_id=member.etcd.conn_id,
        repository_conn_id=planned.repository.conn_id,
        task=member.task,
        execution=needs_kubernetes(member, execution),
        hostname=member.hostname,
        approval_timeout=settings.restore.get("approval_timeout"),
        pre_restore=hook_tasks(planned, member.pre, member, settings),
        post_restore=hook_tasks(planned, member.post, member, settings),
        metrics=metrics,
    )


def own_restore_dag(planned: DagPlan, settings: ManifestSettings, restore: TaskRestore) -> DAG:
    """
    Make the DAG of a RestoreSession whose Task is the user's own.

    :param restore: of its target.
    """
    of_dag = {
        name: settings.restore[name] for name in ("confirm", "approval", "notify") if name in settings.restore
    }
    dag = stash_task_restore_dag(planned.dag_id, restore, dag_kwargs=dag_arguments(planned), **of_dag)
    limit_tasks(planned, dag)
    return dag
