"""Where a step runs: in the worker, or as a Job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob


def as_job(execution: KubernetesJob | str | None) -> KubernetesJob | None:
    """
    Read the place where a step runs: ``kubernetes``, a ``KubernetesJob``, or ``worker`` (None).

    :raises InvalidConfigurationError: it is something else.
    """
    if execution is None or execution == "worker":
        return None
    # A DAG file pays for what it imports; most steps run in the worker.
    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob

    if execution == "kubernetes":
        return KubernetesJob()
    if isinstance(execution, KubernetesJob):
        return execution
    raise InvalidConfigurationError(
        f"execution is {execution!r}: give 'worker', 'kubernetes' or a KubernetesJob."
    )
