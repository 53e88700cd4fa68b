from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

from airflow_provider_stash.operators.overlap import SkipIfRunningOperator


def is_skipped(runs, *, previous=None):
    """Tell whether a run is skipped beside others, each told by its state and that of this task there."""
    with DAG("d"):
        gate = SkipIfRunningOperator(task_id="skip_if_running")
        gate >> BaseOperator(task_id="backup")
    ti = SimpleNamespace(
        dag_id="d",
        task_id=gate.task_id,
        get_dr_count=lambda *, dag_id, states: sum(state in states for state, _ in runs),
        get_ti_count=lambda *, dag_id, task_ids, states: sum(here in states for _, here in runs),
        get_previous_dagrun=lambda *, state: previous,
    )
    try:
        gate.execute({"ti": ti})
    except DownstreamTasksSkipped as skipped:
        return skipped.tasks == ["backup"]
    return False


ME, QUEUED = ("running", "running"), ("queued", "null")


@pytest.mark.parametrize(
    ("others", "skipped"),
    [
        ([], False),
        ([("success", "success"), ("failed", "success"), ("failed", "failed")], False),
        ([("running", "success")], True),
        ([("running", "success"), QUEUED], True),
        ([QUEUED, QUEUED], False),
    ],
    ids=["alone", "others have ended", "one is at work", "and one waits", "others wait"],
)
def test_what_is_at_work_goes_before(others, skipped):
    assert is_skipped([ME, *others]) is skipped


@pytest.mark.parametrize("state", ["null", "scheduled", "queued", "running"])
def test_of_those_that_come_together_the_first_goes_on(state):
    together = [ME, ("running", state), QUEUED]
    assert is_skipped(together) is False
    assert is_skipped(together, previous=object()) is True
