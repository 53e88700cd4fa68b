"""Asks a person before a restore stops anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.operators.base import as_bool
from airflow_provider_stash.steps.plan import describe

if TYPE_CHECKING:
    from airflow.sdk import Context


class RestoreApprovalOperator(ApprovalOperator):
    """
    Shows the plan of a restore and waits for a person's word. A rejection skips the restore.

    :param plan: what ``FetchSnapshotOperator`` returned. (templated)
    :param etcd_conn_id: names the cluster.
    :param ask: when false nobody is asked. (templated)
    :param plan_only: when true the plan is told, and the restore is skipped. (templated)
    """

    template_fields = (*ApprovalOperator.template_fields, "plan", "ask", "plan_only")

    def __init__(
        self,
        *,
        plan: Mapping[str, Any],
        etcd_conn_id: str = "etcd_default",
        ask: bool | str = True,
        plan_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault(
            "subject", f"Restore etcd cluster {etcd_conn_id}?"
        )  # told in full once the plan is known
        super().__init__(**kwargs)
        self.plan = plan
        self.etcd_conn_id = etcd_conn_id
        self.ask = ask
        self.plan_only = plan_only

    def execute(self, context: Context) -> Any:
        lines = describe(dict(self.plan))
        if as_bool(self.plan_only, "plan_only"):
            for line in lines:
                self.log.info("%s", line)
            raise AirflowSkipException(
                "Dry run: the snapshot is good, the restore could go on; nothing was stopped."
            )
        if not as_bool(self.ask, "ask"):
            return None
        self.subject = f"{self.subject} {lines[0]}"
        self.body = "\n".join(
            f"- **{what}:** {words}" for what, words in (line.split(": ", 1) for line in lines)
        )
        return super().execute(context)
