import fcntl

from airflow_provider_stash.steps.roll_back import roll_back
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload


def test_a_connection_that_can_not_be_read_keeps_nothing_from_coming_back(tmp_path):
    db = tmp_path / "d" / "member" / "snap" / "db"
    db.parent.mkdir(parents=True)
    db.touch()
    workload = ProcessWorkload([ProcessMember("m", str(tmp_path / "d"), "http://h:2380", ["true"], ["true"])])
    with db.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a running etcd holds it
        result = roll_back(None, workload, key="k")
    assert result["members"] == [{"name": "m", "rolledBack": False, "running": True}]
    assert result["reason"] == "The etcd connection could not be read."


def test_a_workload_that_can_not_be_read_and_was_not_stopped_needs_no_way_back(monkeypatch):
    """Its restore has failed for that reason; a second error would hide the first."""
    workload = StatefulSetWorkload(name="etcd")
    monkeypatch.setattr(StatefulSetWorkload, "record", lambda self: None)
    monkeypatch.setattr(StatefulSetWorkload, "pod_spec", lambda self: {"containers": []})
    result = roll_back(None, workload, key="k")
    assert result == {"members": [], "healthy": None, "reason": "Nothing had been stopped by this restore."}
