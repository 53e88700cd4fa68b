"""Skips a run that comes while another is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

if TYPE_CHECKING:
    from airflow.sdk import Context


class SkipIfRunningOperator(BaseOperator):
    """Skips the run when another run of its DAG is active (Stash: a BackupSession is then Skipped)."""

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        running = ti.get_dr_count(dag_id=ti.dag_id, states=["running"])
        if running > 1:
            raise DownstreamTasksSkipped(
                f"{running - 1} other run of {ti.dag_id} is active: this one is skipped."
            )
