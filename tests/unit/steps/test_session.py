"""The steps themselves have tests of their own; here their order and what they hand on."""

import pytest

from airflow_provider_stash.exceptions import BackendError
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps import session
from airflow_provider_stash.steps.call import StepCall, plain
from airflow_provider_stash.steps.staging import TempDir

BACKUP = {"hostname": "h", "lock_timeout": 5.0, "temp_dir": TempDir("/t")}


@pytest.fixture
def called(monkeypatch):
    calls = {}

    def step(name, result):
        def run(*clients, **arguments):
            calls[name] = (clients, arguments)
            return result

        monkeypatch.setattr(session, name, run)

    step("back_up", {"snapshot": "s"})
    step("apply_retention", {"removed": ["x"], "dryRun": False, "listed": {"snapshotCount": 1}})
    step("check_integrity", {"integrity": True, "measured": {"totalSize": 5}})
    step("measure_repository", {"snapshotCount": 2})
    return calls


def run(**given):
    arguments = {
        "backup": BACKUP,
        "policy": RetentionPolicy(1),
        "check": {"read_data": True},
        **given,
    }
    return StepCall("back_up_session", plain(arguments)).run(etcd="e", repository="r")


def test_all_of_it(called):
    assert run() == {
        "backup": {"snapshot": "s"},
        "forget": {"removed": ["x"], "dryRun": False, "listed": {"snapshotCount": 1}},
        "check": {"integrity": True},
        "status": {
            "integrity": True,
            "snapshotsRemovedOnLastCleanup": 1,
            "snapshotCount": 1,
            "totalSize": 5,
        },
    }
    assert list(called) == ["back_up", "apply_retention", "check_integrity"]
    assert called["back_up"] == (("e", "r"), BACKUP)
    (repository, policy), arguments = called["apply_retention"]
    assert (repository, policy.keep_last) == ("r", 1)
    assert arguments == {"hostname": "h", "lock_timeout": 5.0}
    asked = {"lock_timeout": 5.0, "measure": True, "known": 1, "read_data": True}
    assert called["check_integrity"] == (("r",), asked)


def test_what_was_not_asked_for(called):
    result = run(policy=None, check=None)
    assert (result["forget"], result["check"]) == (None, None)
    assert "apply_retention" not in called
    assert result["status"] == {"integrity": None, "snapshotsRemovedOnLastCleanup": 0, "snapshotCount": 2}


def test_what_the_check_did_not_measure_is_measured_after_it(called, monkeypatch):
    monkeypatch.setattr(session, "check_integrity", lambda *_, **__: {"integrity": False})
    assert run()["status"]["snapshotCount"] == 2


def test_the_first_failure_ends_it(called, monkeypatch):
    def fail(*clients, **arguments):
        raise BackendError("gone")

    monkeypatch.setattr(session, "back_up", fail)
    with pytest.raises(BackendError):
        run()
    assert "apply_retention" not in called
