from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.protection import MINIMUM_GRACE, Protection, Session, allowance, judge

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def session(hours_ago, state="success", *, minutes=2, by_hand=False):
    due = NOW - hours_ago * HOUR
    active = state in {"queued", "running"}
    end = None if active else due + timedelta(minutes=minutes)
    return Session(f"run-{hours_ago}", due, state, due, end, by_hand=by_hand)


def judged(sessions, *, next_in=0.5, scheduled=True, paused=False, **kwargs):
    next_due = None if next_in is None else NOW + next_in * HOUR
    return judge(NOW, scheduled=scheduled, paused=paused, next_due=next_due, sessions=sessions, **kwargs)


def test_a_good_backup_for_the_latest_due_time_is_on_time():
    verdict = judged([session(0.5), session(1.5)])
    assert (verdict.status, verdict.overdue) == (Protection.ON_TIME, None)
    assert verdict.last_success.run_id == "run-0.5"


def test_a_failure_after_the_last_success_is_failing_since_the_first():
    verdict = judged([session(0.5, "failed"), session(1.5, "failed"), session(2.5)])
    assert verdict.status is Protection.FAILING
    assert verdict.since == NOW - 1.5 * HOUR
    assert verdict.reason == "The last 2 backups failed; the last good one is 2 h 30 min old."


def test_a_failure_before_the_last_success_is_history():
    assert judged([session(0.5), session(1.5, "failed")]).status is Protection.ON_TIME


def test_a_failure_without_any_success_says_so():
    verdict = judged([session(0.5, "failed")])
    assert verdict.reason == "The last backup failed; there is no good one."


def test_a_run_that_works_longer_than_it_should_is_late():
    verdict = judged([session(0.5, "running"), session(1.5)])
    assert (verdict.status, verdict.since) == (Protection.LATE, NOW - 0.5 * HOUR)
    assert "still at work" in verdict.reason


def test_a_run_that_has_just_become_due_is_not_late():
    just = Session("run", NOW - timedelta(minutes=9), "running", NOW - timedelta(minutes=9))
    assert judged([just, session(1.5)]).status is Protection.ON_TIME


def test_a_run_that_the_scheduler_never_made_is_missed():
    verdict = judged([session(3.5)], next_in=-2.5)
    assert (verdict.status, verdict.since) == (Protection.MISSED, NOW - 2.5 * HOUR)
    assert verdict.reason == "A backup was due 2 h 30 min ago, and none came."


def test_runs_that_are_always_skipped_are_missed_though_they_succeed():
    verdict = judged([session(0.5, "skipped"), session(1.5, "skipped"), session(2.5)])
    assert (verdict.status, verdict.since) == (Protection.MISSED, NOW - 1.5 * HOUR)


def test_a_backup_by_hand_makes_good_for_one_that_failed_or_was_missed():
    assert judged([session(0.2, by_hand=True), session(0.5, "failed")]).status is Protection.ON_TIME
    assert judged([session(0.2, by_hand=True)], next_in=-0.5).status is Protection.ON_TIME


def test_a_run_by_hand_is_not_wanted_by_the_schedule():
    skipped = session(0.3, "skipped", by_hand=True)
    assert judged([skipped, session(0.5)]).status is Protection.ON_TIME


def test_a_paused_dag_tells_what_it_misses():
    verdict = judged([session(5.5)], next_in=-4.5, paused=True)
    assert (verdict.status, verdict.overdue) == (Protection.PAUSED, NOW - 4.5 * HOUR)


@pytest.mark.parametrize("sessions", [[], [session(0.1, "running")], [session(0.1, "skipped")]])
def test_without_any_success_there_never_was_one(sessions):
    assert judged(sessions).status is Protection.NEVER


def test_without_a_schedule_nothing_is_late():
    verdict = judged([session(500, by_hand=True)], scheduled=False, next_in=None)
    assert verdict.status is Protection.UNSCHEDULED


def test_the_last_success_may_be_older_than_the_sessions_given():
    old = session(100)
    verdict = judged([session(0.5, "failed")], last_success=old)
    assert verdict.last_success is old
    assert "4 d 4 h old" in verdict.reason


def test_the_allowance_grows_with_the_backups():
    assert allowance([session(1)]) == MINIMUM_GRACE
    assert allowance([session(1, minutes=30), session(2, "failed", minutes=500)]) == timedelta(minutes=90)
    assert judged([session(0.5, "running"), session(1.5, minutes=30)]).status is Protection.ON_TIME


def test_the_worst_come_first():
    assert [one.value for one in sorted(Protection, key=lambda one: one.severity)] == [
        "failing", "missed", "never", "late", "paused", "unscheduled", "on time",
    ]  # fmt: skip
