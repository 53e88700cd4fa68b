"""Pushes a session's metrics, in Stash's series."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.metrics.push import Pushgateway, push, write_textfile
from airflow_provider_stash.metrics.series import (
    Identity,
    backup_registry,
    check_labels,
    restore_registry,
)
from airflow_provider_stash.operators.base import StashOperator, task_states
from airflow_provider_stash.operators.links import MetricsLink
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import Context
    from prometheus_client import CollectorRegistry

_BAD = {"failed", "upstream_failed"}


class PushMetricsOperator(StashOperator):
    """
    Pushes what this run did, to a Pushgateway or a textfile, under both of Stash's prefixes.

    :param session: ``backup`` or ``restore``.
    :param etcd_conn_id: names the target.
    :param restic_conn_id: names the repository.
    :param data_task_ids: tasks of this run whose states decide whether the session succeeded, ``host_task_id``
        among them.
    :param host_task_id: task of an ``EtcdBackupOperator``, or ``VerifyRestoreOperator``: its result is the host's.
    :param status_task_id: task of a ``ResticStatusOperator``. Where both are the task of one
        ``EtcdBackupSessionOperator``, its result holds both.
    :param pushgateway_conn_id: an ``http`` connection; its extra may hold ``ca_certificate`` (PEM) and
        ``insecure_tls``.
    :param textfile_dir: node_exporter's textfile directory. Without this and the above the task is not needed.
    :param hostname: restic host. (templated)
    :param namespace: label. (templated)
    :param labels: further labels. (templated)
    :param dashboard_url: where the task's link *Metrics* leads; None: to the Pushgateway. (templated)
    :return: ``success``, ``job``, ``instance``, ``series`` (how many), ``pushedTo``.
    """

    template_fields: Sequence[str] = ("hostname", "namespace", "labels", "dashboard_url")
    operator_extra_links = (MetricsLink(),)

    def __init__(
        self,
        *,
        session: str,
        data_task_ids: Sequence[str],
        host_task_id: str,
        status_task_id: str | None = None,
        etcd_conn_id: str = "etcd_default",
        restic_conn_id: str = "restic_default",
        pushgateway_conn_id: str | None = None,
        textfile_dir: str | None = None,
        hostname: str = STASH_HOST,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        dashboard_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if session not in {"backup", "restore"}:
            raise InvalidConfigurationError(f"session is {session!r}: give 'backup' or 'restore'.")
        if pushgateway_conn_id is None and textfile_dir is None:
            raise InvalidConfigurationError("Metrics go nowhere: give pushgateway_conn_id or textfile_dir.")
        check_labels(labels or ())  # their names are no templates
        self.session = session
        self.data_task_ids = list(data_task_ids)
        self.host_task_id = host_task_id
        self.status_task_id = status_task_id
        self.etcd_conn_id = etcd_conn_id
        self.restic_conn_id = restic_conn_id
        self.pushgateway_conn_id = pushgateway_conn_id
        self.textfile_dir = textfile_dir
        self.hostname = hostname
        self.namespace = namespace
        self.labels = labels
        self.dashboard_url = dashboard_url

    def run_step(self, context: Context) -> dict[str, Any]:
        states = task_states(context, self.data_task_ids)
        failed = bool(_BAD & set(states.values()))
        success = not failed and states.get(self.host_task_id) == "success"
        if not failed and not success:
            raise AirflowSkipException(
                f"Task {self.host_task_id} was skipped: there is no session to tell of."
            )
        identity = self._identity()
        registry = self._registry(context, identity, success)
        places = []
        if self.pushgateway_conn_id:
            gateway = self._gateway(self.pushgateway_conn_id)
            push(gateway, registry, identity, success=success)
            places.append(gateway.url)
        if self.textfile_dir:
            places.append(write_textfile(self.textfile_dir, registry, identity, success=success))
        return {
            "success": success,
            "job": identity.job,
            "instance": identity.instance,
            "series": sum(len(metric.samples) for metric in registry.collect()),
            "pushedTo": places,
        }

    def _identity(self) -> Identity:
        from airflow_provider_stash.hooks.restic import ResticHook

        repository = ResticHook(self.restic_conn_id).get_repository(credentials=False)
        return Identity(
            invoker_kind="BackupConfiguration" if self.session == "backup" else "RestoreSession",
            invoker_name=self.dag_id,
            repository=self.restic_conn_id,
            hostname=self.hostname,
            name=self.etcd_conn_id,
            namespace=self.namespace,
            backend=repository.backend,
            bucket=repository.bucket,
            prefix=repository.prefix,
            labels=self.labels or {},
        )

    def _registry(self, context: Context, identity: Identity, success: bool) -> CollectorRegistry:
        ti = context["ti"]
        begin = context["dag_run"].start_date
        now = time.time()
        duration = round(now - begin.timestamp(), 3) if begin else 0.0
        host = ti.xcom_pull(task_ids=self.host_task_id)
        if self.session == "restore":
            return restore_registry(
                identity, success=success, duration=duration, now=now, restored=host is not None
            )
        if self.status_task_id == self.host_task_id:
            both = host or {}
            host, repository = both.get("backup"), both.get("status")
        else:
            repository = ti.xcom_pull(task_ids=self.status_task_id) if self.status_task_id else None
        return backup_registry(
            identity, success=success, duration=duration, now=now, host=host, repository=repository
        )

    @staticmethod
    def _gateway(conn_id: str) -> Pushgateway:
        from airflow.sdk import BaseHook

        from airflow_provider_stash.hooks.http import base_url

        connection = BaseHook.get_connection(conn_id)
        extra = connection.extra_dejson
        return Pushgateway(
            url=base_url(connection),
            user=connection.login or None,
            password=connection.password or None,
            ca_cert=extra.get("ca_certificate"),
            insecure_tls=str(extra.get("insecure_tls", "")).lower() == "true",
        )
