"""A step with plain arguments, in the worker or as a Kubernetes Job."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob, as_job
from airflow_provider_stash.operators.base import StashOperator
from airflow_provider_stash.steps.call import StepCall

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.etcd.config import EtcdConfig
    from airflow_provider_stash.restic.repository import Repository


class StepOperator(StashOperator):
    """
    Runs a step that takes plain arguments.

    :param execution: where: ``worker``, ``kubernetes`` (a Job as the connection ``kubernetes_default`` says),
        or a ``KubernetesJob``.
    """

    etcd_conn_id: str = "etcd_default"
    restic_conn_id: str = "restic_default"

    def __init__(self, *, execution: KubernetesJob | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = as_job(execution)

    @abstractmethod
    def prepare(self, context: Context) -> StepCall:
        """Give the step and its arguments."""

    def finish(self, context: Context, result: dict[str, Any]) -> Any:
        """Take up what the step returned; what this returns goes to XCom."""
        return result

    def run_step(self, context: Context) -> Any:
        call = self.prepare(context)
        if self.job is None:
            result = call.run(
                etcd=self.etcd() if call.of_etcd else None,
                repository=self.repository() if call.of_repository else None,
            )
        else:
            from airflow_provider_stash.operators.kubernetes_job import StepJob

            result = StepJob(self, self.job, context).run(call)
        return self.finish(context, result)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take up the task after its Job has ended."""
        return self.guarded(context, lambda: self._collect(context, event))

    def _collect(self, context: Context, event: dict[str, Any]) -> Any:
        from airflow_provider_stash.operators.kubernetes_job import StepJob

        assert self.job is not None
        return self.finish(context, StepJob(self, self.job, context).collect(event))

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
