"""An operator whose work runs as a Kubernetes Job, or may."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout

from airflow_provider_stash.attempts import tell_attempt
from airflow_provider_stash.operators.base import StashOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.operators.kubernetes_job import TaskInstanceJob


class JobOperator(StashOperator):
    """Takes up a task whose Job was waited for in the triggerer."""

    etcd_conn_id: str = "etcd_default"
    restic_conn_id: str = "restic_default"
    job_each_try: ClassVar[bool] = False
    """Whether each try has a Job of its own; else it takes the result of one that an earlier try has left running."""

    @abstractmethod
    def job_of(self, context: Context) -> TaskInstanceJob[Any]:
        """Give the Job of the task."""

    def finish(self, context: Context, result: dict[str, Any]) -> Any:
        """Take up what the Job returned; what this returns goes to XCom."""
        return result

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take up the task after its Job has ended."""
        return self.guarded(context, lambda: self.finish(context, self.job_of(context).collect(event)))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Take up the task; where Airflow fails it instead (no time left, no trigger), its Job must not go on."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout) as error:
            tell_attempt(context, str(error))
            self.job_of(context).remove()
            raise
