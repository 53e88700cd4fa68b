"""How states of runs and tasks become a session's, in Stash's words."""

from types import SimpleNamespace

import pytest

from airflow_provider_stash.plugins import access as access_module
from airflow_provider_stash.plugins import records, repository, statuses
from airflow_provider_stash.plugins.access import Access
from airflow_provider_stash.plugins.catalog import Backup, Card, Restore, Step
from airflow_provider_stash.plugins.overview import View
from airflow_provider_stash.plugins.records import TaskState, _told
from airflow_provider_stash.plugins.sessions import _conditions, _phase, session
from airflow_provider_stash.protection import Session
from airflow_provider_stash.steps.results import now

BACKUP = Card(
    (Backup("d", "backup", "e", "r", "host-0", None, {}, True),), (), {"backup": "EtcdBackupOperator"}
)
STEP = Step("session", "EtcdBackupSessionOperator", {})
WHOLE = Backup("d", "session", "e", "r", "host-0", None, {STEP.kind: STEP}, True)
ONE_TASK = Card((WHOLE,), (), {"session": STEP.kind})
RESULT = {
    "backup": {"snapshot": "a" * 64, "totalSize": 7, "uploaded": 3, "duration": 2.0, "warnings": ["w"]},
    "forget": None,
    "check": {"integrity": True, "readData": None, "errors": [], "duration": 1.0},
    "status": {"snapshotCount": 1},
}
OWN_RESTORE = Card((), (), {"m.session.restore": "StashTaskRestoreOperator"})
RESTORE = Card((), (Restore("d", "e", "r", "verify"),), {"verify": "VerifyRestoreOperator"})


@pytest.mark.parametrize(
    ("run", "backup", "outcome", "told"),
    [
        ("queued", None, None, "queued"),
        ("running", "success", None, "running"),
        ("success", "success", "success", "success"),
        ("success", "skipped", "success", "skipped"),  # the run before was still active
        ("failed", "success", "upstream_failed", "failed"),  # the check found damage
        ("failed", "upstream_failed", "upstream_failed", "failed"),
        ("failed", "success", "success", "success"),  # in a larger DAG: something else failed
        ("success", "failed", "failed", "failed"),  # in a larger DAG that goes on
        ("failed", None, None, "failed"),
    ],
)
def test_a_sessions_state_is_that_of_its_data_tasks(run, backup, outcome, told):
    assert _told(run, backup, outcome) == told


@pytest.mark.parametrize(
    ("card", "kind", "task", "run", "state", "phase"),
    [
        (BACKUP, "BackupSession", "backup", "queued", None, "Pending"),
        (BACKUP, "BackupSession", "backup", "running", "running", "Running"),
        (BACKUP, "BackupSession", "backup", "success", "success", "Succeeded"),
        (BACKUP, "BackupSession", "backup", "success", "skipped", "Skipped"),
        (BACKUP, "BackupSession", "backup", "failed", "success", "Failed"),
        (ONE_TASK, "BackupSession", "session", "success", "success", "Succeeded"),
        (RESTORE, "RestoreSession", "verify", "success", "success", "Succeeded"),
        (OWN_RESTORE, "RestoreSession", "m.session.restore", "success", "success", "Succeeded"),
        (RESTORE, "RestoreSession", "verify", "success", "skipped", "Skipped"),  # a dry run
    ],
)
def test_phases(card, kind, task, run, state, phase):
    states = {("run", task): TaskState(state, None, None)}
    assert _phase(kind, run, card, states, "run") == phase


def test_a_condition_is_true_false_or_not_known_yet():
    def status(state):
        step = {"kind": "ResticCheckOperator", "task_id": "check", "state": state, "end": None}
        (condition,) = _conditions(step, {}, BACKUP)
        return condition["status"]

    assert [status(one) for one in ("success", "failed", "upstream_failed", "running", None)] == [
        "True", "False", "False", "Unknown", "Unknown",
    ]  # fmt: skip


def test_a_roll_back_that_had_nothing_to_do_is_not_told():
    step = {"kind": "RollBackOperator", "task_id": "roll_back", "state": "success", "end": None}
    assert _conditions(step, {"members": []}, RESTORE) == []
    assert _conditions({**step, "state": "skipped"}, {}, RESTORE) == []
    assert _conditions(step, {"members": [{"name": "m0"}]}, RESTORE)[0]["status"] == "True"
    assert _conditions({**step, "state": "failed"}, {}, RESTORE)[0]["status"] == "False"


def test_a_backup_tells_of_etcd_and_of_the_repository_where_no_task_before_it_does():
    def told(state, card):
        step = {"kind": "EtcdBackupOperator", "task_id": "backup", "state": state, "end": None}
        return {one["type"]: one["status"] for one in _conditions(step, {}, card)}

    found, initialized = "BackupTargetFound", "BackendRepositoryInitialized"
    assert told("success", BACKUP) == {found: "True", initialized: "True", "SnapshotTaken": "True"}
    assert told("failed", BACKUP) == {found: "Unknown", initialized: "Unknown", "SnapshotTaken": "False"}
    before = {"init_repository": "ResticInitOperator", "wait_for_etcd": "EtcdHealthSensor"}
    assert told("success", Card(BACKUP.backups, (), {**BACKUP.kinds, **before})) == {"SnapshotTaken": "True"}


@pytest.fixture
def one_task(monkeypatch):
    """A run of a DAG whose session is one task."""
    moment = now()
    monkeypatch.setattr(records, "results", lambda *_: {("run", "session"): RESULT})
    monkeypatch.setattr(
        records, "task_states", lambda *_: {("run", "session"): TaskState("success", moment, moment)}
    )
    done = Session("run", moment, "success", moment, moment)
    monkeypatch.setattr(records, "sessions", lambda *_: {("d", "session"): [done]})
    monkeypatch.setattr(records, "restores", lambda *_: [])
    monkeypatch.setattr(statuses, "statuses", lambda *_: {})
    monkeypatch.setattr(repository, "rows_of", lambda *_: [])
    return SimpleNamespace(
        run_id="run", _state="success", run_after=moment, start_date=moment, end_date=moment,
        conf={"snapshot": "latest", "other": "not of this page"},
    )  # fmt: skip


def test_a_session_in_one_task_is_told_by_its_steps(one_task):
    told = session(None, ONE_TASK, one_task, "d", results=True)
    assert [one["task_id"] for one in told["stats"]] == [
        "session: backup", "session: check", "session: status",
    ]  # fmt: skip
    assert told["warnings"] == ["w"]
    assert [one["type"] for one in told["conditions"]] == ["BackupCompleted"]
    assert told["conf"] == {"snapshot": "latest"}


def test_a_step_tells_which_try_it_is(one_task, monkeypatch):
    again = TaskState("failed", one_task.start_date, one_task.end_date, 2)
    monkeypatch.setattr(records, "task_states", lambda *_: {("run", "session"): again})
    told = session(None, ONE_TASK, one_task, "d", results=True)
    assert [one["try_number"] for one in told["steps"]] == [2]


def test_the_repository_of_a_session_in_one_task(one_task):
    seen = View({"d"}, {"d": ONE_TASK}, set(), set(), assets=True)
    told = repository.repository(seen, WHOLE, None, results=True)
    assert told["sessions"][0]["total_size"] == 7
    assert told["integrity"][0]["integrity"] is True


def test_without_the_permission_nothing_that_tasks_returned_is_read(one_task, monkeypatch):
    def read(*_):
        raise AssertionError("it was read")

    monkeypatch.setattr(records, "results", read)
    monkeypatch.setattr(statuses, "statuses", read)
    assert session(None, ONE_TASK, one_task, "d", results=False)["stats"] == []
    seen = View({"d"}, {"d": ONE_TASK}, set(), set(), assets=False)
    told = repository.repository(seen, WHOLE, None, results=False)
    assert told["sessions"][0]["total_size"] is None
    assert told["snapshots"] == []


@pytest.mark.parametrize(
    ("forbidden", "readable"), [(None, {"d"}), ("RUN", set()), ("TASK_INSTANCE", set()), ("XCOM", {"d"})]
)
def test_a_dag_is_told_of_to_whom_may_read_its_runs_and_tasks(monkeypatch, forbidden, readable):
    manager = SimpleNamespace(
        get_authorized_dag_ids=lambda **_: {"d"},
        is_authorized_dag=lambda *, access_entity, **_: access_entity.name != forbidden,
    )
    monkeypatch.setattr(access_module, "get_auth_manager", lambda: manager)
    monkeypatch.setattr(access_module.DagModel, "get_dag_id_to_team_name_mapping", lambda ids, session: {})
    access = Access("somebody", None)
    assert access.readable_dags() == readable
    assert access.may_read_results("d") is (forbidden != "XCOM")
