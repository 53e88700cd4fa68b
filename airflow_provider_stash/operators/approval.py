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

    from airflow_provider_stash.resources.task_plan import TaskPlan


class RestoreApprovalOperator(ApprovalOperator):
    """
    Shows the plan of a restore and waits for a person's word. A rejection skips the restore.

    :param plan: what ``FetchSnapshotOperator`` returned. (templated)
    :param etcd_conn_id: names the cluster.
    :param ask: when false nobody is asked. (templated)
    :param plan_only: when true the plan is told, and the restore is skipped. (templated)
    """

    template_fields = (*ApprovalOperator.template_fields, "plan", "ask", "plan_only")
    planned = "Dry run: the snapshot is good, the restore could go on; nothing was stopped."
    """What a dry run says at its end."""

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

    def told(self) -> list[str]:
        """Give what a person is told, in lines of the form ``What: a sentence``."""
        return describe(dict(self.plan))

    def execute(self, context: Context) -> Any:
        lines = self.told()
        if as_bool(self.plan_only, "plan_only"):
            for line in lines:
                self.log.info("%s", line)
            raise AirflowSkipException(self.planned)
        if not as_bool(self.ask, "ask"):
            return None
        self.subject = f"{self.subject} {lines[0]}"
        self.body = "\n".join(
            f"- **{what}:** {words}" for what, words in (line.split(": ", 1) for line in lines)
        )
        return super().execute(context)


class TaskApprovalOperator(RestoreApprovalOperator):
    """
    Shows what a Task of the user's own is about to do, and waits for a person's word.

    :param task: the Task.
    :param etcd_conn_id: the target's connection, which names it.
    """

    planned = "Dry run: the repository is there; nothing was done."

    def __init__(self, *, task: TaskPlan, etcd_conn_id: str = "etcd_default", **kwargs: Any) -> None:
        kwargs.setdefault("subject", f"Restore {etcd_conn_id} by the Task {task.name}?")
        steps = [one["name"] for one in task.spec["steps"] if not task.is_update_status(one["name"])]
        variables = task.values()
        plan = {
            "functions": steps,
            "snapshots": variables.get("RESTORE_SNAPSHOTS") or "the Task's own choice",
            "hostname": variables.get("SOURCE_HOSTNAME", ""),
        }
        super().__init__(plan=plan, etcd_conn_id=etcd_conn_id, **kwargs)

    def told(self) -> list[str]:
        return [
            "Way back: there is none but what the Task's Functions do.",
            f"Functions: they run one after another: {', '.join(self.plan['functions'])}.",
            f"Snapshots: {self.plan['snapshots']}, of the host {self.plan['hostname']}.",
        ]
