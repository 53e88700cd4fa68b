from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_stash.dags import etcd_backup_dag
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.exceptions import NotificationError
from tests.unit.notified import SENT, Broken, Recorder, keep_variables

pytestmark = pytest.mark.oldest
WHAT = "Backup of e to r"
with DAG("d", schedule=None) as BACKUP:
    EmptyOperator(task_id="wait") >> EmptyOperator(task_id="backup")


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    SENT.clear()
    return keep_variables(monkeypatch)


class Runs:
    """Ends runs, as Airflow tells it to a DAG's callbacks."""

    def __init__(self, notifier=None, **given):
        arguments = add_callbacks({}, [notifier or Recorder()], what=WHAT, proof_task_id="backup", **given)
        self.failed, self.succeeded = arguments["on_failure_callback"], arguments["on_success_callback"]

    def context(self, run_id, states):
        ti = SimpleNamespace(dag_id="d", run_id=run_id)
        ti.get_task_states = lambda dag_id, task_ids, run_ids: {
            run_id: {key: value for key, value in states.items() if key in task_ids}
        }
        return {"dag": BACKUP, "run_id": run_id, "ti": ti}

    def fail(self, run_id, **states):
        for one in self.failed:
            one(self.context(run_id, states or {"wait": "success", "backup": "failed"}))

    def succeed(self, run_id, backup="success"):
        for one in self.succeeded:
            one(self.context(run_id, {"backup": backup}))


def test_failures_are_told_once_and_so_is_recovery():
    runs = Runs()
    runs.succeed("r0")
    assert SENT == []
    for run in ("r1", "r2", "r3"):
        runs.fail(run)
    assert len(SENT) == 1
    assert SENT[0].startswith("failed: Backup of e to r failed in run r1 of DAG d. Failed tasks: backup.")
    runs.succeed("r4")
    runs.succeed("r5")
    assert SENT[1:] == [
        "recovered: Backup of e to r works again: run r4 of DAG d succeeded. It had failed since run r1."
    ]
    runs.fail("r6")
    assert len(SENT) == 3


def test_a_run_that_made_no_backup_proves_no_recovery(kept):
    runs = Runs()
    runs.fail("r1")
    runs.succeed("r2", backup="skipped")
    assert len(SENT) == 1
    assert kept


def test_each_failed_restore_is_told():
    runs = Runs(repeat=True)
    runs.fail("r1")
    runs.fail("r2")
    assert len(SENT) == 2
    runs.succeed("r3")
    assert "since run r1" in SENT[2]


def test_a_run_that_took_too_long_has_no_task_to_tell_of():
    context = {"dag": BACKUP, "run_id": "r1", "reason": "timed_out"}
    for one in Runs().failed:
        one(context)
    assert "Airflow says: timed_out." in SENT[0]


def test_what_could_not_be_told_is_told_again_at_the_next_failure(kept):
    with pytest.raises(NotificationError):
        Runs(Broken()).fail("r1")
    assert kept == {}
    Runs().fail("r2")
    assert len(SENT) == 1


def test_the_users_own_callbacks_stay():
    def mine(context):
        """Mine."""

    given = {"etcd_conn_id": "e", "repository_conn_id": "r", "dag_kwargs": {"on_failure_callback": mine}}
    dag = etcd_backup_dag("d", notify=[Recorder()], **given)
    assert dag.on_failure_callback[0] is mine
    assert len(dag.on_failure_callback) == 2
    assert dag.has_on_success_callback
    assert etcd_backup_dag("d", **given).on_failure_callback is mine
