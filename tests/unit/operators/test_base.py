from collections import UserList
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.exceptions import (
    BackendError,
    InvalidConfigurationError,
    WrongRepositoryPasswordError,
)
from airflow_provider_stash.operators.base import StashOperator, TaskKilled, as_bool, as_list, key_of


class Operator(StashOperator):
    def __init__(self, *, step, **kwargs):
        super().__init__(task_id="t", **kwargs)
        self.step = step

    def run_step(self, context):
        return self.step(self)


class FirstTry:
    try_number, max_tries = 1, 2

    def __init__(self):
        self.pushed = {}

    def xcom_push(self, key, value):
        self.pushed[key] = value


def raiser(error):
    def step(operator):
        raise error

    return step


def execute(step):
    operator = Operator(step=step)
    return operator, lambda: operator.execute({"ti": FirstTry()})


def test_an_error_that_a_retry_can_not_mend_fails_at_once():
    with pytest.raises(AirflowFailException, match="wrong"):
        execute(raiser(WrongRepositoryPasswordError("wrong")))[1]()
    with pytest.raises(BackendError):
        execute(raiser(BackendError("gone")))[1]()


def test_a_kill_ends_the_step_and_every_finally_runs():
    done = []

    def step(operator):
        try:
            operator.on_kill()  # as the signal handler would
        finally:
            done.append("cleaned")

    operator, run = execute(step)
    with pytest.raises(TaskKilled):
        run()
    assert done == ["cleaned"]
    operator.on_kill()  # after the step: nothing to stop


@pytest.mark.parametrize(
    ("value", "truth"), [(True, True), ("True", True), ("false", False), (None, False), ("", False)]
)
def test_truth_values_from_templates(value, truth):
    assert as_bool(value, "x") is truth


def test_what_is_no_truth_value():
    with pytest.raises(InvalidConfigurationError, match="x is 'perhaps'"):
        as_bool("perhaps", "x")


def test_lists_of_texts():
    assert as_list(None, "x") == []
    assert as_list(("a", "b"), "x") == ["a", "b"]
    assert as_list(UserList(["a"]), "x") == ["a"], "as of a mapped task"


@pytest.mark.parametrize("value", ["nightly", ["a", 1], {"a": 1}])
def test_what_is_no_list_of_texts(value):
    with pytest.raises(InvalidConfigurationError, match=r"tags is .*: give a list"):
        as_list(value, "tags")


def test_a_restores_key_is_its_runs_and_its_groups():
    def key(task_id, run_id="r"):
        return key_of({"ti": SimpleNamespace(dag_id="d", run_id=run_id, task_id=task_id)})

    assert key("fill_members") == key("roll_back")
    assert key("a.session.fill_members") == key("a.session.roll_back")
    assert len({key("stop"), key("a.stop"), key("b.stop"), key("a.stop", "other")}) == 4
