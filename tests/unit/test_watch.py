from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.protection import Protection
from airflow_provider_stash.watch import news

NOW = datetime(2026, 1, 10, 12, tzinfo=timezone.utc)
NAME = "etcd_a to restic_a (DAG backup_a)"


def row(status, name="a", **given):
    return {
        "dag_id": f"backup_{name}",
        "task_id": "backup",
        "etcd_conn_id": f"etcd_{name}",
        "restic_conn_id": f"restic_{name}",
        "status": status,
        "reason": "Because.",
        "since": None,
        "overdue": None,
        **given,
    }


def look(*rows, told=None, **given):
    return news(rows, told or {}, NOW, **given)


def test_what_is_wrong_is_told_once_and_so_is_that_it_is_good_again():
    failing = row("failing", since="2026-01-10T09:00:00Z")
    first = look(failing)
    assert first.worse == [f"{NAME}: failing. Because. Since 2026-01-10T09:00:00Z, 3 h 0 min ago."]
    assert first.subject == "1 etcd backup not as wanted"
    again = look(failing, told=first.told)
    assert (again.worse, again.mended, again.told) == ([], [], first.told)
    assert again.unprotected == [NAME]
    good = look(row("on time"), told=again.told)
    assert good.mended == [f"{NAME}: was failing. Because."]
    assert good.subject == "1 good again"
    assert good.told == {NAME: "on time"}


def test_that_it_stands_otherwise_now_is_told():
    late = look(row("late"))
    missed = look(row("missed"), told=late.told)
    assert missed.worse == [f"{NAME}: missed. Because."]
    assert missed.mended == []


def test_all_changes_go_into_one_word():
    found = look(
        row("failing"),
        row("missed", "b"),
        row("on time", "c"),
        told={"etcd_c to restic_c (DAG backup_c)": "late"},
    )
    assert found.subject == "2 etcd backups not as wanted, 1 good again"
    assert len(found.worse) == 2


@pytest.mark.parametrize(
    ("overdue", "told"), [(None, False), ("2026-01-10T00:00:00Z", False), ("2026-01-09T11:00:00Z", True)]
)
def test_a_dag_that_is_paused_is_told_of_once_it_seems_forgotten(overdue, told):
    assert bool(look(row("paused", overdue=overdue)).worse) is told
    early = look(row("paused", overdue="2026-01-10T11:00:00Z"), forgotten_after=timedelta(minutes=30))
    assert early.worse


def test_a_new_dag_is_left_alone_until_a_backup_was_due():
    assert not look(row("never")).worse
    assert look(row("never", overdue="2026-01-10T11:00:00Z")).worse


def test_a_cluster_that_no_dag_backs_up():
    found = look(
        row("never", dag_id=None, task_id=None, restic_conn_id=None, reason="No DAG backs up this cluster.")
    )
    assert found.worse == ["etcd_a (no DAG): never. No DAG backs up this cluster."]


def test_what_nobody_wants_to_hear_of():
    assert not look(row("on time"), row("unscheduled", "b")).worse
    assert not look(row("late"), statuses=(Protection.FAILING,)).worse


def test_a_dag_that_is_gone_is_told_of_once_and_not_as_good_again():
    found = look(told={NAME: "failing"})
    assert (found.mended, found.told) == ([], {})
    assert found.worse[0].startswith(f"{NAME}: was failing, and is no longer there. Was its DAG removed")


@pytest.mark.parametrize("status", ["on time", "unscheduled"])
def test_a_good_backup_whose_dag_is_gone_is_told_of_once(status):
    """As when its manifest is refused, or its file is no longer there."""
    good = look(row(status))
    assert (good.worse, good.mended, good.unprotected) == ([], [], [])
    paused = look(row("paused"), told=good.told)
    assert (paused.worse, paused.unprotected, paused.told) == ([], [], good.told)
    gone = look(told=paused.told)
    assert gone.worse[0].startswith(f"{NAME}: was {status}, and is no longer there. Was its DAG removed")
    assert look(told=gone.told).worse == []


@pytest.mark.parametrize(
    ("now", "statuses"),
    [
        (row("paused"), None),  # somebody paused the DAG whose backups fail
        (row("never"), None),
        (row("missed"), (Protection.FAILING,)),  # of which this watchdog does not tell
    ],
)
def test_what_was_told_of_and_stands_badly_otherwise_is_not_good_again(now, statuses):
    given = {"statuses": statuses} if statuses else {}
    found = look(now, told={NAME: "failing"}, **given)
    assert (found.worse, found.mended, found.told) == ([], [], {NAME: "failing"})
    assert found.unprotected == [NAME]
    assert look(row("on time"), told=found.told, **given).mended == [f"{NAME}: was failing. Because."]
