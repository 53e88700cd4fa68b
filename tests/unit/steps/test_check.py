"""What is measured beside a check; the steps themselves have tests on real repositories."""

import pytest

from airflow_provider_stash.exceptions import BackendError, NoSpaceError
from airflow_provider_stash.restic.check import CheckResult
from airflow_provider_stash.steps import check as steps


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.setattr(steps, "check", lambda *_, **__: CheckResult(True))
    monkeypatch.setattr(steps, "measure_repository", lambda _, known: {"snapshotCount": known})


def test_it_is_measured_where_asked(measured):
    assert steps.check_integrity("r", measure=True)["measured"] == {"snapshotCount": None}
    assert steps.check_integrity("r", measure=True, known=3)["measured"] == {"snapshotCount": 3}
    assert "measured" not in steps.check_integrity("r")


def test_what_is_too_old_after_a_long_check_is_dropped(measured, monkeypatch):
    monkeypatch.setattr(steps, "_MEASURED_FOR_SECONDS", 0)
    assert "measured" not in steps.check_integrity("r", measure=True)


@pytest.mark.parametrize("kind", [BackendError, NoSpaceError])
def test_a_failure_to_measure_is_none_of_the_check(measured, monkeypatch, caplog, kind):
    def fail(_, known):
        raise kind("gone")

    monkeypatch.setattr(steps, "measure_repository", fail)
    assert steps.check_integrity("r", measure=True)["integrity"] is True
    assert "could not be measured beside the check: gone" in caplog.text
