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
            self.log.warning("%d other run of %s is active: this one is skipped.", running - 1, ti.dag_id)
            # All of them: some run whatever happened before.
            tasks = sorted(self.get_flat_relative_ids(upstream=False))
            raise DownstreamTasksSkipped(tasks=tasks)
