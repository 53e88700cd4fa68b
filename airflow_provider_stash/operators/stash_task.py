"""Runs a Task of the user's own, as Stash runs it: its Functions in one Pod, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.place import as_job
from airflow_provider_stash.operators.job import JobOperator
from airflow_provider_stash.operators.links import RepositoryLink, SnapshotLink
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.operators.task_job import TaskJob
    from airflow_provider_stash.resources.task_plan import TaskPlan
    from airflow_provider_stash.restic.repository import Repository


class StashTaskOperator(JobOperator):
    """
    Runs a Task as a Kubernetes Job: all Functions but the last are init containers of its Pod.

    :param plan: the Task, as planned from manifests.
    :param execution: how Jobs run here: ``kubernetes`` or a ``KubernetesJob``. Its ``repository_secret`` goes before
        the Secret that the Repository names; where neither does, the restic connection's credentials go into a
        Secret that the Job owns.
    :param etcd_conn_id: the target's connection, which names it; the Task itself does not use it. (templated)
    :param restic_conn_id: the repository's connection. (templated)
    :param hostname: the restic host. (templated)
    :param pushgateway_conn_id: an ``http`` connection, for the variable ``PROMETHEUS_PUSHGATEWAY_URL``.
    :return: ``task``, ``containers`` (of each ``name``, ``exitCode``, ``duration`` in seconds), ``duration`` of
        them all; and where Stash would read what the Functions wrote, ``stats``, ``snapshot`` and ``repository`` of
        ``steps.task_output.read_output``.
    """

    template_fields: Sequence[str] = ("etcd_conn_id", "restic_conn_id", "hostname")
    ui_color = "#d5e8d4"

    def __init__(
        self,
        *,
        plan: TaskPlan,
        execution: KubernetesJob | str,
        etcd_conn_id: str = "etcd_default",
        restic_conn_id: str = "restic_default",
        hostname: str = STASH_HOST,
        pushgateway_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.job = as_job(execution) or KubernetesJob()
        self.etcd_conn_id = etcd_conn_id
        self.restic_conn_id = restic_conn_id
        self.hostname = hostname
        self.pushgateway_conn_id = pushgateway_conn_id

    def run_step(self, context: Context) -> Any:
        return self.job_of(context).run(self.plan)

    def job_of(self, context: Context) -> TaskJob:
        from airflow_provider_stash.operators.task_job import TaskJob

        return TaskJob(self, self.job, context)

    def pushgateway_url(self) -> str:
        """Give the Pushgateway's address, without credentials; empty: there is none."""
        if self.pushgateway_conn_id is None:
            return ""
        from airflow.sdk import BaseHook

        from airflow_provider_stash.hooks.http import base_url

        parts = urlsplit(base_url(BaseHook.get_connection(self.pushgateway_conn_id)))
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def repository(self) -> Repository:
        """Read the restic connection."""
        from airflow_provider_stash.hooks.restic import ResticHook

        return ResticHook(self.restic_conn_id).get_repository()


class StashTaskBackupOperator(StashTaskOperator):
    """Backs up by a Task."""

    operator_extra_links = (RepositoryLink(), SnapshotLink())


class StashTaskRestoreOperator(StashTaskOperator):
    """Restores by a Task. There is no way back: what the Functions do, they do."""
