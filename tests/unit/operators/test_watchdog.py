from types import SimpleNamespace

import pytest

from airflow_provider_stash.dags import backup_watchdog_dag
from airflow_provider_stash.exceptions import InvalidConfigurationError, NotificationError
from airflow_provider_stash.hooks.airflow_api import AirflowApiHook
from tests.unit.notified import SENT, Broken, Recorder, keep_variables
from tests.unit.test_watch import row

FIRST_TRY = SimpleNamespace(try_number=1, max_tries=0, xcom_push=lambda key, value: None)

pytestmark = pytest.mark.oldest


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    SENT.clear()
    return keep_variables(monkeypatch)


@pytest.fixture
def overview(monkeypatch):
    rows = []
    monkeypatch.setattr(AirflowApiHook, "get", lambda self, path: {"rows": rows})
    return rows


def look(notifier=None):
    dag = backup_watchdog_dag("dog", notify=[notifier or Recorder()])
    return dag.get_task("watch").execute({"run_id": "r", "dag": dag, "ti": FIRST_TRY})


def test_a_change_is_told_once(overview, kept):
    overview[:] = [row("failing"), row("on time", "b")]
    result = look()
    assert (result["backups"], len(result["unprotected"]), len(result["told"])) == (2, 1, 1)
    assert look()["told"] == []
    assert SENT == ["unprotected: etcd_a to restic_a (DAG backup_a): failing. Because."]
    overview[0] = row("on time")
    look()
    assert SENT[1].startswith("recovered: etcd_a")
    overview[:] = [row("on time", "b")]
    assert len(look()["told"]) == 1
    assert SENT[2].startswith(
        "unprotected: etcd_a to restic_a (DAG backup_a): was on time, and is no longer there."
    )
    overview[:] = []
    look()
    assert kept == {}


def test_what_could_not_be_told_is_told_the_next_time(overview, kept):
    overview[:] = [row("failing")]
    with pytest.raises(NotificationError):
        look(Broken())
    assert kept == {}
    look()
    assert len(SENT) == 1


def test_its_own_failure_is_told_too():
    dag = backup_watchdog_dag("dog", notify=[Recorder()])
    assert dag.on_failure_callback
    assert dag.max_active_runs == 1


def test_a_status_that_there_is_not():
    with pytest.raises(InvalidConfigurationError, match="statuses holds 'gone'"):
        backup_watchdog_dag("dog", notify=[Recorder()], statuses=["gone"])
