"""Gives a workload in Kubernetes its client and settings. Loads the Kubernetes client."""

from __future__ import annotations

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.kubernetes_job import job_defaults, own_namespace
from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload


def connect(workload: KubernetesWorkload) -> KubernetesWorkload:
    """
    Give a workload a client by its ``kubernetes`` connection, and what that says of Jobs.

    :raises InvalidConfigurationError: no image is given.
    """
    hook = KubernetesHook(conn_id=workload.job.kubernetes_conn_id)
    job = workload.job.with_defaults(job_defaults(hook))
    if not job.image:
        raise InvalidConfigurationError(
            f"No image is given for the restore's Jobs: give {type(workload).__name__}(job=KubernetesJob(image=...)), "
            f"or the extra field stash_job of the connection {job.kubernetes_conn_id!r}."
        )
    namespace = workload.namespace or job.namespace or hook.get_namespace() or own_namespace() or "default"
    return workload.connected(hook.get_conn(), job, namespace)
