"""The pod that a manifest's hook is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.place import as_job
from airflow_provider_stash.steps.handler import Handler

if TYPE_CHECKING:
    from airflow_provider_stash.resources.plan import DagPlan, HookPlan, MemberPlan
    from airflow_provider_stash.workloads.base import Workload
    from airflow_provider_stash.workloads.target_pod import TargetPod


def target_pod(
    planned: DagPlan,
    hook: HookPlan,
    member: MemberPlan | None,
    *,
    kubernetes_conn_id: str | None,
    execution: KubernetesJob | str | None,
    workload: Workload | None,
) -> TargetPod | None:
    """
    Give the pod of a hook that needs one: behind the AppBinding's Service as in Stash, else of the workload.

    :param member: whose hook it is; None: the whole batch's.
    :param kubernetes_conn_id: the connection to find it by; None: that of the workload, or of the Jobs.
    :param execution: where steps run.
    :param workload: where a restore's members run.
    :return: None: the hook needs no pod.
    :raises InvalidConfigurationError: it needs one, and none is known; the hook's field, and what to give.
    """
    needs = Handler.from_stash(hook.handler, hook.phase).needs_pod
    if not needs:
        return None
    where = f"{hook.phase}.{needs}"
    if member is None:
        raise InvalidConfigurationError(
            f"{where}, and a batch has none: Stash takes its operator's own pod. Make it a hook of a member."
        )
    # A DAG file pays for what it imports; few hooks need a pod.
    from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload
    from airflow_provider_stash.workloads.target_pod import TargetPod

    in_cluster = workload if isinstance(workload, KubernetesWorkload) else None
    job = in_cluster.job if in_cluster else as_job(execution)
    connection = kubernetes_conn_id or (job.kubernetes_conn_id if job else None)
    if connection is None:
        raise InvalidConfigurationError(
            f"{where}, and no way to its cluster is known: give ManifestSettings(kubernetes_conn_id=...), or run the "
            "steps there (execution)."
        )
    if member.service is not None:
        return TargetPod("Service", member.service["name"], member.service["namespace"], connection)
    if in_cluster is not None:
        return TargetPod(
            in_cluster.kind, in_cluster.name, in_cluster.namespace or planned.namespace, connection
        )
    missing = "names none: give it one" if member.etcd.in_manifests else "is not among the manifests: add it"
    raise InvalidConfigurationError(
        f"{where}, which Stash finds by the AppBinding's clientConfig.service: {member.etcd.namespace}/"
        f"{member.etcd.name} {missing}."
    )
