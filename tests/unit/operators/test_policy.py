import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.policy import (
    POLICIES,
    ChooseAfterSessionOperator,
    SessionTasks,
    check_policy,
)

SESSION = SessionTasks(("wait", "before", "backup", "check"), "backup", ("before",))
GOOD = {"wait": "success", "before": "success", "backup": "success", "check": "success"}
BAD = {**GOOD, "backup": "failed", "check": "upstream_failed"}
NEVER = {
    "wait": "failed",
    "before": "upstream_failed",
    "backup": "upstream_failed",
    "check": "upstream_failed",
}


def that_run(states, session=SESSION):
    return [policy for policy in POLICIES if session.reason_to_skip(states, policy) is None]


def test_each_policy():
    assert that_run(GOOD) == ["Always", "OnSuccess"]
    assert that_run(BAD) == ["Always", "OnFailure", "OnFinalRetryFailure"]


@pytest.mark.parametrize("state", ["failed", "upstream_failed", "skipped"])
def test_nothing_runs_after_a_session_whose_hook_before_it_did_not_succeed(state):
    assert that_run({**NEVER, "before": state}) == []
    assert "before did not succeed" in SESSION.reason_to_skip({**NEVER, "before": state}, "Always")


def test_without_a_hook_before_any_failure_is_the_sessions():
    session = SessionTasks(("wait", "backup"), "backup")
    assert that_run({"wait": "failed", "backup": "upstream_failed"}, session) == [
        "Always",
        "OnFailure",
        "OnFinalRetryFailure",
    ]


def test_nothing_runs_when_there_was_no_session():
    """A dry run, a restore that was not approved."""
    assert that_run({**GOOD, "backup": "skipped", "check": "skipped"}) == []


def test_a_step_that_was_turned_off_is_no_failure():
    assert that_run({**GOOD, "check": "skipped"}) == ["Always", "OnSuccess"]


def test_the_first_that_failed_by_itself():
    assert SESSION.first_failed(BAD) == "backup"
    assert SESSION.first_failed(GOOD) is None


def test_an_unknown_policy():
    with pytest.raises(
        InvalidConfigurationError, match="postBackup.executionPolicy: 'Sometimes': give one of Always"
    ):
        check_policy("Sometimes", "postBackup.executionPolicy")


class TaskInstance:
    dag_id, run_id, try_number, max_tries = "d", "r", 1, 0

    def __init__(self, states):
        self._states = states

    def get_task_states(self, dag_id, task_ids, run_ids):
        return {"r": {one: self._states[one] for one in task_ids}}


def choose(states):
    policies = {"always": "Always", "good": "OnSuccess", "bad": "OnFailure"}
    operator = ChooseAfterSessionOperator(task_id="choose", session=SESSION, policies=policies)
    operator.execute({"ti": TaskInstance(states)})


@pytest.mark.parametrize(
    ("states", "skipped"), [(GOOD, ["bad"]), (BAD, ["good"]), (NEVER, ["always", "good", "bad"])]
)
def test_tasks_whose_policy_does_not_hold_are_skipped(states, skipped):
    with pytest.raises(DownstreamTasksSkipped) as caught:
        choose(states)
    assert caught.value.tasks == skipped
