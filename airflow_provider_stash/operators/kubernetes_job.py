"""A task's Job: built from the task and its connections, followed, and removed. Loads the Kubernetes client."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_stash.exceptions import (
    InvalidConfigurationError,
    JobFailedError,
    KubernetesError,
    KubernetesPermissionError,
)
from airflow_provider_stash.hooks.manifests import comes_from_manifests
from airflow_provider_stash.kubernetes.jobs import Jobs, ended
from airflow_provider_stash.kubernetes.manifests import (
    CONTAINER,
    PREFIX,
    SECRETS,
    TRY,
    job_manifest,
    job_name,
    secret_manifest,
    secret_name,
)
from airflow_provider_stash.kubernetes.record import read_record
from airflow_provider_stash.steps import credentials
from airflow_provider_stash.steps.call import StepCall, plain
from airflow_provider_stash.triggers.kubernetes_job import StepJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.operators.job import JobOperator
    from airflow_provider_stash.operators.step import StepOperator

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


WorkT = TypeVar("WorkT")


class TaskInstanceJob(ABC, Generic[WorkT]):
    """
    The Job of one task of one run. Its name follows from these, so that a retry finds it again.

    :param operator: whose work it does.
    :param settings: how.
    :param context: of the task.
    :param containers: of its Pod, as they run one after another.
    """

    operator: JobOperator

    def __init__(
        self,
        operator: JobOperator,
        settings: KubernetesJob,
        context: Context,
        containers: Sequence[str] = (CONTAINER,),
    ) -> None:
        hook = KubernetesHook(conn_id=settings.kubernetes_conn_id)
        self.operator = operator
        self.settings = settings.with_defaults(job_defaults(hook))
        if self.settings.active_deadline is None and operator.execution_timeout is not None:
            seconds = math.ceil(operator.execution_timeout.total_seconds())
            self.settings = replace(self.settings, active_deadline=seconds)
        namespace = self.settings.namespace or hook.get_namespace() or own_namespace() or "default"
        self.jobs = Jobs(hook.get_conn(), namespace, containers)
        ti = context["ti"]
        self.identity = {
            "dag-id": ti.dag_id,
            "task-id": ti.task_id,
            "run-id": ti.run_id,
            "map-index": str(ti.map_index if ti.map_index is not None else -1),
        }
        self._try = str(ti.try_number)
        own = [self._try] if operator.job_each_try else []
        self.name = job_name(ti.task_id, *self.identity.values(), *own)

    def check_image(self) -> None:
        """
        Refuse a Job of a step whose image is not known.

        :raises InvalidConfigurationError: it is not.
        """
        if not self.settings.image:
            raise InvalidConfigurationError(
                f"No image is given for the Job of task {self.operator.task_id}: give KubernetesJob(image=...), or the "
                f'extra field stash_job of the connection {self.settings.kubernetes_conn_id!r}: {{"image": "..."}}.'
            )

    @abstractmethod
    def build(self, work: WorkT) -> tuple[dict[str, Any], dict[str, dict[str, bytes]]]:
        """
        Build the Job.

        :return: its manifest with ``annotations``, and what the Secrets hold that it will own, by what they are for:
            ``etcd`` or ``repository``.
        """

    def result(self, told: dict[str, Any]) -> dict[str, Any]:
        """
        Give the task's result.

        :param told: what the Job's step returned.
        """
        return told

    def run(self, work: WorkT) -> dict[str, Any]:
        """
        Start the Job, or find it running; wait for it and remove it.

        :return: the task's result.
        :raises TaskDeferred: the triggerer starts it, and waits.
        :raises StashError: what the step raised, or why the Job failed.
        """
        try:
            if self.settings.deferrable:
                raise TaskDeferred(
                    trigger=self._trigger(work),
                    method_name="execute_complete",
                    timeout=self.operator.execution_timeout,
                )
            self._create(*self.build(work))
            told = self.jobs.follow(
                self.name,
                startup_timeout=self.settings.startup_timeout,
                poll_interval=self.settings.poll_interval,
                say=self.operator.log.log,
            )
            result = self.result(told)
        except TaskDeferred:
            raise
        except BaseException as error:
            self._give_up(error)
            raise
        self.remove()
        return result

    def collect(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """
        Take an ended Job's result, and remove it.

        :param event: of the trigger.
        :return: the task's result.
        :raises StashError: what the step raised, or why the Job failed.
        """
        try:
            if event["error"]:
                read_record(event["error"])  # raises it
            job = self.jobs.get(self.name)
            if job is not None and not ended(job):
                raise self.jobs.why_not_started(self.name, self.settings.startup_timeout)
            result = self.result(self.jobs.outcome(self.name, job))
        except BaseException as error:
            self._give_up(error)
            raise
        self.remove()
        return result

    def _give_up(self, error: BaseException) -> None:
        """Remove the Job, unless it is only out of sight: a retry then finds it."""
        lost = isinstance(error, KubernetesError) and not isinstance(
            error, JobFailedError | KubernetesPermissionError
        )
        if not lost:
            self.remove()

    def remove(self) -> None:
        """Remove the Job; where that fails the log tells."""
        try:
            self.jobs.delete(self.name)
        except KubernetesError as error:  # what the step did stays done
            self.operator.log.error(
                "Job %s/%s could not be removed; it goes by itself %d s after its end. %s",
                self.jobs.namespace, self.name, self.settings.ttl, error,
            )  # fmt: skip

    def annotations(self, owned: Mapping[str, str]) -> dict[str, str]:
        """
        Give what the Job tells of itself.

        :param owned: names of the Secrets that it will own, by what they are for.
        """
        identity = {f"{PREFIX}/{key}": value for key, value in self.identity.items()}
        return {**identity, TRY: self._try, SECRETS: json.dumps(owned)}

    def _trigger(self, work: WorkT) -> StepJobTrigger:
        manifest, secrets = self.build(work)
        connections = {"etcd": self.operator.etcd_conn_id, "repository": self.operator.restic_conn_id}
        owned = {purpose: connections[purpose] for purpose in secrets}
        here = any(map(comes_from_manifests, owned.values()))
        if here:  # the triggerer reads no manifests
            self._create(manifest, secrets)
        return StepJobTrigger(
            manifest=manifest,
            owned=None if here else owned,
            kubernetes_conn_id=self.settings.kubernetes_conn_id,
            startup_timeout=self.settings.startup_timeout,
            poll_interval=self.settings.poll_interval,
            containers=self.jobs.containers,
        )

    def _create(self, manifest: Mapping[str, Any], owned: Mapping[str, Mapping[str, bytes]]) -> None:
        """Create the Job, or find it."""

        def secrets(job: Mapping[str, Any]) -> list[dict[str, Any]]:
            # A Job that was found names the Secrets it waits for.
            names = json.loads(job["metadata"]["annotations"][SECRETS])
            return [
                secret_manifest(name=names[purpose], job=job, data=data)
                for purpose, data in owned.items()
                if purpose in names
            ]

        self.jobs.ensure(manifest, secrets)


class StepJob(TaskInstanceJob[StepCall]):
    """The Job of a step."""

    operator: StepOperator

    def build(self, work: StepCall) -> tuple[dict[str, Any], dict[str, dict[str, bytes]]]:
        """Build the Job, with its credentials as files."""
        self.check_image()
        request: dict[str, Any] = {"arguments": plain(work.arguments)}
        mounted: dict[str, list[str]] = {}
        owned: dict[str, dict[str, bytes]] = {}
        if work.of_etcd:
            config = self.operator.etcd()
            request["etcd"] = credentials.etcd_settings(config)
            self._credentials(
                "etcd", self.settings.etcd_secret, credentials.etcd_secret(config), mounted, owned
            )
        if work.of_repository:
            given = self.settings.repository_secret
            repository = self.operator.repository(credentials=given is None)
            request["repository"] = credentials.repository_settings(repository)
            secret = credentials.repository_secret(repository) if given is None else {}
            self._credentials("repository", given, secret, mounted, owned)
        manifest = job_manifest(
            self.settings,
            name=self.name,
            namespace=self.jobs.namespace,
            arguments=[work.step, json.dumps(request)],
            credentials=mounted,
            labels={"app.kubernetes.io/component": work.step},
            annotations=self.annotations({directory: mounted[directory][0] for directory in owned}),
        )
        return manifest, owned

    def _credentials(
        self,
        directory: str,
        given: str | Sequence[str] | None,
        secret: dict[str, bytes],
        mounted: dict[str, list[str]],
        owned: dict[str, dict[str, bytes]],
    ) -> None:
        """Have Secrets mounted: those that are given, else one that the Job will own."""
        if given is not None:
            mounted[directory] = [given] if isinstance(given, str) else list(given)
        elif secret:
            mounted[directory] = [secret_name(f"{self.name}-{directory[:4]}")]
            owned[directory] = secret


def job_defaults(hook: KubernetesHook) -> Mapping[str, Any]:
    """Read the connection's ``stash_job``."""
    value = hook.conn_extras.get("stash_job") or {}
    try:
        defaults = json.loads(value) if isinstance(value, str) else value
        if not isinstance(defaults, Mapping):
            raise ValueError
    except ValueError as error:
        raise InvalidConfigurationError(
            f"Connection {hook.conn_id!r}: the extra field stash_job is no JSON object of KubernetesJob's parameters."
        ) from error
    return defaults


def own_namespace() -> str | None:
    """Give the namespace of the worker's own Pod; None: it runs in none."""
    return _NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.exists() else None
