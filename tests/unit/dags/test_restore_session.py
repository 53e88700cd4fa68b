from datetime import timedelta

import pytest
from airflow.sdk import DAG

from airflow_provider_stash.dags import RestoreForm, etcd_restore
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

pytestmark = pytest.mark.oldest
WORKLOAD = ProcessWorkload([ProcessMember("m", "/d", "http://h:2380", ["true"], ["true"])])
ARGUMENTS = {"etcd_conn_id": "e", "repository_conn_id": "r", "workload": WORKLOAD}


def test_the_tasks_of_a_restore_as_groups_of_one_dag():
    with DAG("d", schedule=None) as dag:
        for name in ("a", "b"):
            etcd_restore(name, form=RestoreForm(snapshot="1a2b3c4d"), **ARGUMENTS)
    back = dag.get_task("b.roll_back")
    assert (back.is_teardown, back.verify_task_id) == (True, "b.verify")
    assert back.upstream_task_ids == {"b.fill_members", "b.stop_members", "b.start_members", "b.verify"}
    assert dag.get_task("a.resolve_snapshot").snapshot == "1a2b3c4d"
    assert dag.get_task("a.fetch_snapshot").snapshot.operator.task_id == "a.resolve_snapshot"
    assert not any(dag.params)


def test_a_group_is_made_in_a_dag_without_a_time_limit():
    with (
        DAG("d", schedule=None, dagrun_timeout=timedelta(hours=1)),
        pytest.raises(InvalidConfigurationError, match="roll-back"),
    ):
        etcd_restore(**ARGUMENTS)
