"""A step with plain arguments, in the worker or as a Kubernetes Job."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.kubernetes.place import as_job
from airflow_provider_stash.operators.job import JobOperator
from airflow_provider_stash.steps.call import StepCall

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.etcd.config import EtcdConfig
    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.operators.kubernetes_job import StepJob
    from airflow_provider_stash.restic.repository import Repository


class StepOperator(JobOperator):
    """
    Runs a step that takes plain arguments.

    :param execution: where: ``worker``, ``kubernetes`` (a Job as the connection ``kubernetes_default`` says),
        or a ``KubernetesJob``.
    """

    def __init__(self, *, execution: KubernetesJob | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = as_job(execution)

    @abstractmethod
    def prepare(self, context: Context) -> StepCall:
        """Give the step and its arguments."""

    def run_step(self, context: Context) -> Any:
        call = self.prepare(context)
        if self.job is None:
            result = call.run(
                etcd=self.etcd() if call.of_etcd else None,
                repository=self.repository() if call.of_repository else None,
            )
        else:
            result = self.job_of(context).run(call)
        return self.finish(context, result)

    def job_of(self, context: Context) -> StepJob:
        from airflow_provider_stash.operators.kubernetes_job import StepJob

        assert self.job is not None
        return StepJob(self, self.job, context)

    def etcd(self) -> EtcdConfig:
        """Read the etcd connection."""
        from airflow_provider_stash.hooks.etcd import EtcdHook

        return EtcdHook(self.etcd_conn_id).get_config()

    def repository(self, *, credentials: bool = True) -> Repository:
        """
        Read the restic connection.

        :param credentials: without, password and keys are not asked for: the Job has them from a Secret.
        """
        from airflow_provider_stash.hooks.restic import ResticHook

        return ResticHook(self.restic_conn_id).get_repository(credentials=credentials)
