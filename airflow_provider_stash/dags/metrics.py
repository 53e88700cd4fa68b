"""Where a session's metrics go, and the task that brings them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator


@dataclass(frozen=True)
class Metrics:
    """
    Where a session's metrics go: one of the two, or both.

    :param pushgateway_conn_id: an ``http`` connection.
    :param textfile_dir: node_exporter's textfile directory.
    :param namespace: label.
    :param labels: further labels, none of them the package's own.
    :param dashboard_url: of a dashboard, such as Grafana's; linked from the task that pushes. (templated)
    """

    pushgateway_conn_id: str | None = None
    textfile_dir: str | None = None
    namespace: str = "default"
    labels: Mapping[str, str] | None = None
    dashboard_url: str | None = None

    def push_after(
        self,
        tasks: Sequence[BaseOperator],
        *,
        data: Sequence[BaseOperator],
        host: BaseOperator,
        **session: Any,
    ) -> None:
        """
        Make the task that pushes, as a teardown: its failure shows, but does not fail the run.

        :param tasks: what it comes after.
        :param data: the session's data tasks.
        :param host: the one of them whose result tells of the etcd cluster.
        :param session: further arguments of ``PushMetricsOperator``.
        """
        # Few DAGs push metrics; the others need not load it.
        from airflow_provider_stash.operators.metrics import PushMetricsOperator

        push = PushMetricsOperator(
            task_id="push_metrics",
            data_task_ids=[task.task_id for task in data],
            host_task_id=host.task_id,
            pushgateway_conn_id=self.pushgateway_conn_id,
            textfile_dir=self.textfile_dir,
            namespace=self.namespace,
            labels=self.labels,
            dashboard_url=self.dashboard_url,
            **session,
        )
        list(tasks) >> push.as_teardown()
