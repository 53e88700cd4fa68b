"""The Job of a user's own Task. Loads the Kubernetes client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_stash.kubernetes.containers import ended_containers
from airflow_provider_stash.kubernetes.manifests import claim_of_pod, secret_name
from airflow_provider_stash.kubernetes.task_manifest import task_container_names, task_manifest
from airflow_provider_stash.operators.kubernetes_job import TaskInstanceJob
from airflow_provider_stash.resources.task_containers import TaskPod, task_pod
from airflow_provider_stash.resources.task_variables import nice_variables, run_variables
from airflow_provider_stash.steps import credentials

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.operators.stash_task import StashTaskOperator
    from airflow_provider_stash.resources.task_plan import TaskPlan

_SECRET_NAME = "REPOSITORY_SECRET_NAME"  # noqa: S105 - of a variable
_SECRET_NAMESPACE = "REPOSITORY_SECRET_NAMESPACE"  # noqa: S105


class TaskJob(TaskInstanceJob["TaskPlan"]):
    """
    The Job of a Task.

    :param operator: whose Task it is.
    :param settings: how it runs.
    :param context: of the task.
    """

    operator: StashTaskOperator

    def __init__(self, operator: StashTaskOperator, settings: KubernetesJob, context: Context) -> None:
        super().__init__(operator, settings, context)
        of_run = run_variables(
            context["ti"].run_id,
            operator.pushgateway_url(),
            restores=operator.plan.restores,
            interim_volume=self.settings.interim_volume_template is not None,
        )
        self._variables = {**of_run, **nice_variables(self.settings.container)}
        # Their names are the same whichever Secret they will get.
        pod = self._pod(operator.plan, {})
        self._functions = [one["name"] for one in pod.containers]
        self.jobs.containers = task_container_names(pod)

    def build(self, work: TaskPlan) -> tuple[dict[str, Any], dict[str, dict[str, bytes]]]:
        """Build the Job; its containers get the repository's credentials by the name of a Secret."""
        names, owned = {}, {}
        secret = self._given_secret(work)
        if not secret:
            owned = {"repository": credentials.repository_secret(self.operator.repository())}
            names = {"repository": secret_name(f"{self.name}-repo")}
            secret = names["repository"]
        pod = self._pod(work, {_SECRET_NAME: secret, _SECRET_NAMESPACE: self.jobs.namespace})
        if pod.output_dir:
            self.check_image()
        manifest = task_manifest(
            pod,
            self.settings,
            name=self.name,
            namespace=self.jobs.namespace,
            restores=work.restores,
            labels={"app.kubernetes.io/component": "task"},
            annotations=self.annotations(names),
        )
        return manifest, owned

    def result(self, told: dict[str, Any]) -> dict[str, Any]:
        """Give what Functions have written, and how their containers ended."""
        containers = ended_containers(self.jobs.pod(self.name), self._functions)
        return {
            "task": self.operator.plan.name,
            "containers": containers,
            "duration": sum(one["duration"] or 0.0 for one in containers),
            **told,
        }

    def _given_secret(self, plan: TaskPlan) -> str:
        """Give the Secret in the cluster with the repository's credentials; empty: none is named."""
        given = self.settings.repository_secret
        if given is not None:
            return given if isinstance(given, str) else given[0]
        return plan.variables.get(_SECRET_NAME, "")

    def _pod(self, plan: TaskPlan, variables: dict[str, str]) -> TaskPod:
        return task_pod(
            plan,
            plan.values(**{**self._variables, **variables}),
            container=self.settings.container,
            temp_dir=self.settings.temp_dir,
            interim_volume=claim_of_pod(self.settings),
            pull_policy=self.settings.image_pull_policy,
        )
