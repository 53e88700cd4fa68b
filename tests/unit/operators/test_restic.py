from types import SimpleNamespace

import pytest

from airflow_provider_stash.assets import repository_asset
from airflow_provider_stash.operators.restic import ResticCheckOperator, ResticStatusOperator
from airflow_provider_stash.steps.call import StepCall

FORGOTTEN = {"removed": ["a", "b"], "dryRun": False, "freed": 1}


class Told:
    """A context of a run whose tasks returned this."""

    def __init__(self, **returned):
        self.event, self._returned = SimpleNamespace(extra=None), returned
        self.context = {
            "ti": self,
            "outlet_events": {repository_asset("r"): self.event},
        }

    def xcom_pull(self, task_ids):
        return self._returned.get(task_ids)


@pytest.fixture
def status(monkeypatch):
    monkeypatch.setattr(ResticStatusOperator, "repository", lambda self: "repository")
    monkeypatch.setattr(StepCall, "run", lambda call, **clients: {"read": call.arguments, **clients})
    return ResticStatusOperator(
        task_id="status", restic_conn_id="r", check_task_id="check", forget_task_id="forget"
    )


def test_what_the_check_has_measured_is_not_read_again(status):
    told = Told(check={"integrity": False, "measured": {"snapshotCount": 3}}, forget=FORGOTTEN)
    result = status.run_step(told.context)
    assert result == {"integrity": False, "snapshotsRemovedOnLastCleanup": 2, "snapshotCount": 3}
    assert told.event.extra == result


def test_what_retention_has_listed_is_told_with_it(status):
    forgotten = {**FORGOTTEN, "listed": {"snapshotCount": 3}}
    told = Told(check={"integrity": True, "measured": {"totalSize": 5}}, forget=forgotten)
    result = status.run_step(told.context)
    assert (result["snapshotCount"], result["totalSize"]) == (3, 5)


def test_the_check_is_told_how_many_snapshots_are_known():
    check = ResticCheckOperator(task_id="check", measure=True, forget_task_id="forget")
    forgotten = {**FORGOTTEN, "listed": {"snapshotCount": 3}}
    assert check.prepare(Told(forget=forgotten).context).arguments["known"] == 3
    assert check.prepare(Told().context).arguments["known"] is None, "retention was turned off"


@pytest.mark.parametrize(
    "checked",
    [None, {"integrity": True}, {"integrity": True, "measured": {"totalSize": 5}}],
    ids=["none", "no measure", "a measure without the list"],
)
def test_without_it_the_repository_is_read(status, checked):
    told = Told(check=checked, forget=FORGOTTEN)
    assert status.run_step(told.context) == told.event.extra
    assert told.event.extra["repository"] == "repository"
    integrity = True if checked else None
    assert told.event.extra["read"] == {
        "integrity": integrity,
        "forgotten": {"removed": ["a", "b"], "dryRun": False},
        "absent_is_empty": False,
    }
