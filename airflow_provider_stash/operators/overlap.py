"""Skips a run that comes while another is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

if TYPE_CHECKING:
    from airflow.sdk import Context

_UNDECIDED = ["null", "scheduled", "queued", "running", "restarting", "up_for_retry"]
"""States of this task in runs whose turn is not decided yet."""


class SkipIfRunningOperator(BaseOperator):
    """
    Skips the run when another run of its DAG is at work (Stash: a BackupSession is then Skipped).

    Of several that come here together, as after a time without workers, the first goes on.
    """

    def execute(self, context: Context) -> Any:
        others = self._ahead(context["ti"])
        if others:
            self.log.warning("%d other run of %s is active: this one is skipped.", others, self.dag_id)
            # All of them: some run whatever happened before.
            tasks = sorted(self.get_flat_relative_ids(upstream=False))
            raise DownstreamTasksSkipped(tasks=tasks)

    def _ahead(self, ti: Any) -> int:
        """Count the runs that go before this one."""

        def runs(state: str) -> int:
            return int(ti.get_dr_count(dag_id=ti.dag_id, states=[state]))

        running = runs("running")
        if running < 2:
            return 0
        undecided = int(ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], states=_UNDECIDED))
        here = undecided - runs("queued")  # those have not begun
        if running > here:
            return running - here
        return int(ti.get_previous_dagrun(state="running") is not None)
