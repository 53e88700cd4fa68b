import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.operators import policy
from airflow_provider_stash.operators.turn import NextMemberOperator

pytestmark = pytest.mark.oldest
GOOD = {"first.fill": "success", "first.verify": "success"}
REJECTED = dict.fromkeys(GOOD, "skipped")
FAILED = {"first.fill": "failed", "first.verify": "upstream_failed"}


@pytest.fixture
def run(monkeypatch):
    def run(states, **given):
        monkeypatch.setattr(policy, "task_states", lambda context, ids: {one: states[one] for one in ids})
        NextMemberOperator(task_id="after_first", member="first", data_task_ids=list(GOOD), **given).run_step(
            {}
        )

    return run


@pytest.mark.parametrize("states", [GOOD, REJECTED])
def test_one_that_was_restored_or_left_out_gives_the_next_its_turn(run, states):
    run(states)


def test_one_that_failed_keeps_the_next_from_its_turn_unless_the_form_says_to_go_on(run):
    with pytest.raises(
        AirflowFailException, match=r"member first failed \(first.fill\): the members behind it"
    ):
        run(FAILED, go_on="False")
    run(FAILED, go_on="True")
