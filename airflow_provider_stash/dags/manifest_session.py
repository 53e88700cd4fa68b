"""
The DAGs of a BackupConfiguration and a RestoreSession, and what batches share with them.

Every DAG file imports this through the factories: Stash's models are imported where manifests are read, in functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_stash.dags.backup import etcd_backup_dag
from airflow_provider_stash.dags.manifest_schedule import schedule_label, schedule_of
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.dags.restore import etcd_restore_dag
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import (
    CONTAINER_FIELDS,
    POD_FIELDS,
    KubernetesJob,
)
from airflow_provider_stash.kubernetes.place import as_job

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider_stash.dags.task_restore import TaskRestore
    from airflow_provider_stash.resources.plan import DagPlan, HookPlan, MemberPlan
    from airflow_provider_stash.workloads.base import Workload

_TASK_IDS = {
    "preBackup": "pre_backup",
    "postBackup": "post_backup",
    "preRestore": "pre_restore",
    "postRestore": "post_restore",
}
_LONGEST_TAG = 100  # Airflow's
_SAID_BY_MANIFESTS = {"schedule", "paused", "timeout", "retries", "retry_delay", "dag_kwargs"}


@dataclass(frozen=True)
class ManifestSettings:
    """
    What manifests can't say, for all DAGs made from them.

    :param workloads: where etcd members run that are no Kubernetes workload, such as a ``ProcessWorkload``, by the
        AppBinding's namespace and name: ``{"demo/etcd-appbinding": ...}``.
    :param execution: where steps run: ``worker`` (the default), ``kubernetes``, or a ``KubernetesJob`` whose pod,
        container, temporary directory and volume each object's own settings go before.
    :param kubernetes_conn_id: the ``kubernetes`` connection by which hooks find their target's pod; None: that of
        the Jobs, or of the members' workload, where there are any.
    :param metrics: where the sessions' metrics go; its namespace is each session's own, and so is the label
        ``schedule`` unless it has one.
    :param backup: further arguments of ``etcd_backup_dag``, such as ``pool``, ``check`` or ``notify``.
    :param restore: further arguments of ``etcd_restore_dag``, such as ``approval`` or ``work_dir``.
    """

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    execution: KubernetesJob | str | None = None
    kubernetes_conn_id: str | None = None
    metrics: Metrics | None = None
    backup: Mapping[str, Any] = field(default_factory=dict)
    restore: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = sorted(_SAID_BY_MANIFESTS & set(self.backup))
        if said:
            raise InvalidConfigurationError(
                f"ManifestSettings(backup=...): {', '.join(said)} would have no effect: a manifest says it itself "
                "(schedule, paused, timeOut, retryConfig)."
            )


def backup_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    """Make the DAG of a BackupConfiguration."""
    member = planned.members[0]
    return etcd_backup_dag(
        planned.dag_id,
        schedule=schedule_of(planned.schedule),
        paused=planned.paused,
        timeout=planned.timeout,
        dag_kwargs=dag_arguments(planned),
        pre_backup=hook_tasks(planned, member.pre, member, settings),
        post_backup=hook_tasks(planned, member.post, member, settings),
        **backup_arguments(planned, member, settings),
    )


def restore_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    """Make the DAG of a RestoreSession."""
    member = planned.members[0]
    if member.task is not None:
        from airflow_provider_stash.dags.manifest_task import own_restore_dag

        return own_restore_dag(planned, settings, task_restore(planned, member, settings))
    assert member.restore is not None
    dag = etcd_restore_dag(
        planned.dag_id, dag_kwargs=dag_arguments(planned), **restore_arguments(planned, member, settings)
    )
    dag.params["snapshot"] = member.restore.snapshot
    limit_tasks(planned, dag)
    return dag


def task_restore(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> TaskRestore:
    """
    Give what the restore of a target by a Task of the user's own is made of.

    :raises Refused: the Task can't be run where this runs.
    """
    from airflow_provider_stash.dags.manifest_task import own_restore

    execution, metrics = _execution(planned, member, settings), _metrics(planned, settings)
    return own_restore(planned, member, settings, execution=execution, metrics=metrics)


def restore_arguments(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> dict[str, Any]:
    """Give the arguments of ``etcd_restore_dag`` for one target."""
    assert member.restore is not None
    workload = _workload(planned, member, settings)
    return {
        "etcd_conn_id": member.etcd.conn_id,
        "repository_conn_id": planned.repository.conn_id,
        "workload": workload,
        "execution": _execution(planned, member, settings),
        "hostname": member.hostname,
        "pre_restore": hook_tasks(planned, member.pre, member, settings, workload=workload),
        "post_restore": hook_tasks(planned, member.post, member, settings, workload=workload),
        "metrics": _metrics(planned, settings),
        "bump_revision": member.restore.bump_revision,
        "health_timeout": member.wait_timeout,
        **settings.restore,
    }


def limit_tasks(planned: DagPlan, dag: DAG) -> None:
    """Limit a restore's tasks in time: not the run as a whole, which Airflow would end without its way back."""
    if planned.timeout is None:
        return
    for task in dag.tasks:
        # Nor is a person hurried.
        if not task.is_teardown and task.task_id.rpartition(".")[2] != "approve":
            task.execution_timeout = planned.timeout


def _workload(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> Workload:
    from airflow_provider_stash.resources.refusal import Refused
    from airflow_provider_stash.workloads.params import workload_from_params

    name = f"{member.etcd.namespace}/{member.etcd.name}"
    if name in settings.workloads:
        return settings.workloads[name]
    job = _job(planned, member, as_job(settings.execution) or KubernetesJob())
    try:
        return workload_from_params(
            member.restore.workload if member.restore else {}, namespace=planned.namespace, job=job
        )
    except InvalidConfigurationError as error:
        raise Refused(
            f"{member.path}.task.params",
            f"{error} Where the members of {name} run outside Kubernetes, tell by "
            f"ManifestSettings(workloads={{{name!r}: ...}}).",
        ) from error


def _execution(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> KubernetesJob | None:
    """Give where a target's steps run, by its own settings."""
    job = as_job(settings.execution)
    return _job(planned, member, job) if job is not None else None


def _job(planned: DagPlan, member: MemberPlan, job: KubernetesJob) -> KubernetesJob:
    """Give a Job the settings of a target, which go before its own; it runs in the namespace of its object."""
    pod = {
        name: value
        for name, value in (member.runtime_settings.get("pod") or {}).items()
        if name in POD_FIELDS or name in {"podLabels", "podAnnotations"}
    }
    container = {
        name: value
        for name, value in (member.runtime_settings.get("container") or {}).items()
        if name in CONTAINER_FIELDS or name in {"nice", "ionice"}
    }
    return replace(
        job,
        namespace=job.namespace or planned.namespace,
        pod={**job.pod, **pod},
        container={**job.container, **container},
        temp_dir={**job.temp_dir, **member.temp_dir},
        interim_volume_template=member.interim_volume or job.interim_volume_template,
    )


def backup_arguments(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> dict[str, Any]:
    """
    Give the arguments of ``etcd_backup`` for one target.

    :raises Refused: its Task can't be run where this runs.
    """
    arguments = {
        "etcd_conn_id": member.etcd.conn_id,
        "repository_conn_id": planned.repository.conn_id,
        "retention_policy": planned.retention_policy,
        "hostname": member.hostname,
        "wait_timeout": member.wait_timeout,
        "metrics": _metrics(planned, settings),
        "execution": _execution(planned, member, settings),
        **settings.backup,
    }
    if member.task is not None:
        from airflow_provider_stash.dags.manifest_task import needs_kubernetes

        job = needs_kubernetes(member, _execution(planned, member, settings))
        arguments |= {"task": member.task, "execution": job, "one_task": False}
    return arguments


def dag_arguments(planned: DagPlan) -> dict[str, Any]:
    """Give the arguments of ``DAG`` that all have."""
    defaults: dict[str, Any] = {"owner": planned.namespace, "retries": planned.retries}
    if planned.retry_delay is not None:
        defaults["retry_delay"] = planned.retry_delay
    if not planned.is_backup:
        del defaults["retries"]
    return {
        "tags": [tag[:_LONGEST_TAG] for tag in planned.tags],
        "default_args": defaults,
        "doc_md": f"{planned.kind} `{planned.namespace}/{planned.name}`, from line {planned.line} of "
        f"`{planned.file}`:\n\n```yaml\n{planned.source.strip()}\n```",
    }


def hook_tasks(
    planned: DagPlan,
    hook: HookPlan | None,
    member: MemberPlan | None,
    settings: ManifestSettings,
    *,
    workload: Workload | None = None,
    session: Sequence[str] = (),
    before: Sequence[str] = (),
) -> list[BaseOperator]:
    """
    Make the task of a hook, in a list; an empty one where there is no hook.

    :param member: whose hook it is; None: the whole batch's.
    :param workload: where a restore's members run.
    :param session: ids of the tasks that it is about; empty: the factory tells them.
    :param before: ids of the hooks before that session.
    :raises Refused: what the hook asks for can't be done.
    """
    if hook is None:
        return []
    # A DAG file pays for what it imports; most manifests have no hooks.
    from airflow_provider_stash.dags.manifest_hooks import target_pod
    from airflow_provider_stash.operators.hook import StashHookOperator
    from airflow_provider_stash.resources.refusal import Refused

    handler = dict(hook.handler)
    if hook.phase.startswith("post"):
        handler["executionPolicy"] = hook.execution_policy
    described = {
        "namespace": planned.namespace,
        "invoker": {"apiGroup": "stash.appscode.com", "kind": planned.kind, "name": planned.name},
        "target": dict((member or planned.members[0]).target),
    }
    try:
        operator = StashHookOperator(
            task_id=_TASK_IDS[hook.phase],
            handler=handler,
            phase=hook.phase,
            session=described,
            data_task_ids=session,
            before_task_ids=before,
            target_pod=target_pod(
                planned,
                hook,
                member,
                kubernetes_conn_id=settings.kubernetes_conn_id,
                execution=settings.execution,
                workload=workload,
            ),
        )
    except InvalidConfigurationError as error:
        raise Refused(hook.path, str(error)) from error
    return [operator]


def _metrics(planned: DagPlan, settings: ManifestSettings) -> Metrics | None:
    if settings.metrics is None:
        return None
    # One object for a directory can't say it: its backups come at different times.
    label = schedule_label(planned.schedule)
    labels = {**({"schedule": label} if label else {}), **(settings.metrics.labels or {})}
    return replace(settings.metrics, namespace=planned.namespace, labels=labels)
