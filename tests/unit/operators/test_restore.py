from types import SimpleNamespace

import pytest

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.operators.restore import RollBackOperator
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember


class Stuck(ProcessWorkload):
    def roll_back(self, *, key):
        raise WorkloadError("Member 'm' still runs.")


def test_a_way_back_that_fails_says_how_to_go_on():
    members = [ProcessMember("m", "/d", "http://h:2380", ["true"], ["true"])]
    operator = RollBackOperator(task_id="roll_back", verify_task_id="verify", workload=Stuck(members))
    ti = SimpleNamespace(
        dag_id="d", task_id="roll_back", run_id="manual__1", try_number=1, max_tries=2,
        xcom_push=lambda **_: None, get_task_states=lambda **_: {},
    )  # fmt: skip
    with pytest.raises(WorkloadError, match=r"still runs\. Not all.*clear task roll_back of run manual__1"):
        operator.execute({"ti": ti})
