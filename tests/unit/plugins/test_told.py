"""How states of runs and tasks become a session's, in Stash's words."""

import pytest

from airflow_provider_stash.plugins.catalog import Backup, Card, Restore
from airflow_provider_stash.plugins.records import TaskState, _told
from airflow_provider_stash.plugins.sessions import _condition, _phase

BACKUP = Card(
    (Backup("d", "backup", "e", "r", "host-0", None, {}, True),), (), {"backup": "EtcdBackupOperator"}
)
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
        (RESTORE, "RestoreSession", "verify", "success", "success", "Succeeded"),
        (RESTORE, "RestoreSession", "verify", "success", "skipped", "Skipped"),  # a dry run
    ],
)
def test_phases(card, kind, task, run, state, phase):
    states = {("run", task): TaskState(state, None, None)}
    assert _phase(kind, run, card, states, "run") == phase


def test_a_condition_is_true_false_or_not_known_yet():
    def status(state):
        step = {"kind": "ResticCheckOperator", "task_id": "check", "state": state, "end": None}
        return _condition(step, {})["status"]

    assert [status(one) for one in ("success", "failed", "upstream_failed", "running", None)] == [
        "True", "False", "False", "Unknown", "Unknown",
    ]  # fmt: skip


def test_a_roll_back_that_had_nothing_to_do_is_not_told():
    step = {"kind": "RollBackOperator", "task_id": "roll_back", "state": "success", "end": None}
    assert _condition(step, {"members": []}) is None
    assert _condition({**step, "state": "skipped"}, {}) is None
    assert _condition(step, {"members": [{"name": "m0"}]})["status"] == "True"
    assert _condition({**step, "state": "failed"}, {})["status"] == "False"
