import pytest
from airflow.sdk import TriggerRule

from airflow_provider_stash.dags import restic_migrate_dag

pytestmark = pytest.mark.oldest


def test_it_migrates_compresses_if_asked_and_checks():
    dag = restic_migrate_dag("m", repository_conn_id="r", pool="p", dag_kwargs={"tags": ["mine"]})
    assert {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks} == {
        "migrate": ["compress"],
        "compress": ["check"],
        "check": ["outcome", "status"],
        "status": [],
        "outcome": [],
    }
    assert dag.schedule is None
    assert dag.tags == {"mine"}
    # Skipped when compression is not asked for; a failed migration is not checked, and fails the run.
    assert dag.get_task("check").trigger_rule == TriggerRule.NONE_FAILED
    assert dag.get_task("compress").repack_uncompressed is True
    assert {dag.get_task(name).pool for name in ("migrate", "compress", "check")} == {"p"}
    assert dag.params["compress"] is False
