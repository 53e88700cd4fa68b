import json

import pytest

from airflow_provider_stash.dags.backup_session import BackupSession
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.stash_task import StashTaskBackupOperator
from airflow_provider_stash.resources.task_plan import TaskPlan

PLAN = TaskPlan("mine", {"steps": [{"name": "dump"}]}, {"dump": {"image": "i"}}, {}, {})


def test_the_pushgateways_address_is_told_without_credentials(monkeypatch):
    connection = {"conn_type": "http", "host": "https://user:secret@push.example.com/at", "port": 9091}
    monkeypatch.setenv("AIRFLOW_CONN_PUSH", json.dumps(connection))
    task = StashTaskBackupOperator(
        task_id="backup", plan=PLAN, execution="kubernetes", pushgateway_conn_id="push"
    )
    assert task.pushgateway_url() == "https://push.example.com:9091/at"
    assert StashTaskBackupOperator(task_id="b", plan=PLAN, execution="kubernetes").pushgateway_url() == ""


@pytest.mark.parametrize("wrong", [{}, {"execution": "kubernetes", "one_task": True}])
def test_a_session_with_a_task_needs_kubernetes_and_a_task_of_its_own(wrong):
    with pytest.raises(
        InvalidConfigurationError, match="The Task mine needs Kubernetes, and a task of its own"
    ):
        BackupSession(etcd_conn_id="e", repository_conn_id="r", task=PLAN, **wrong)
