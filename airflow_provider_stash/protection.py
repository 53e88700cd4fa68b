"""Judges whether a cluster is protected: what its backups did, against what the schedule wanted. No Airflow here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from airflow_provider_stash.steps.results import human_seconds

MINIMUM_GRACE = timedelta(minutes=10)
"""How long after its due time a backup may end and still be on time, however short backups are."""

_ACTIVE = frozenset({"queued", "running"})
_DURATIONS = 10


class Protection(str, Enum):
    """How a cluster's backup stands, the worst first."""

    FAILING = "failing"
    """The latest session failed, and none has succeeded since."""
    MISSED = "missed"
    """The schedule wanted a backup; none succeeded, and none is at work."""
    NEVER = "never"
    """There has been no backup yet."""
    LATE = "late"
    """The backup that the schedule wanted is at work, or waits, longer than it should."""
    PAUSED = "paused"
    """The DAG is paused: no backup will come."""
    UNSCHEDULED = "unscheduled"
    """There are backups, but no schedule of times that says when the next one must come."""
    ON_TIME = "on time"
    """There is the backup that the schedule wanted."""

    @property
    def severity(self) -> int:
        """Give the order in which a person wants to see them: 0 is the worst."""
        return list(Protection).index(self)


@dataclass(frozen=True, slots=True)
class Session:
    """
    A run of a backup DAG, as far as the judgement needs it (Stash: BackupSession).

    :param run_id: the DAG run's id.
    :param due: when it was to begin: the run's ``run_after``.
    :param state: ``queued``, ``running``, ``success``, ``failed``, or ``skipped`` when it took no snapshot.
    :param start: when it began.
    :param end: when it ended.
    :param by_hand: a person or an asset asked for it, not the schedule.
    """

    run_id: str
    due: datetime
    state: str
    start: datetime | None = None
    end: datetime | None = None
    by_hand: bool = False

    @property
    def active(self) -> bool:
        """Tell whether it is at work, or waits for its turn."""
        return self.state in _ACTIVE

    @property
    def seconds(self) -> float | None:
        """Give how long it took; None while it is not known."""
        return (self.end - self.start).total_seconds() if self.start and self.end else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The judgement.

    :param status: how the backup stands.
    :param reason: one sentence that says why.
    :param since: since when it stands so, where that is known: the due time that was not met, or the first failure.
    :param last_success: the latest session that succeeded.
    :param overdue: a due time that the schedule has passed without a backup, also while the DAG is paused.
    """

    status: Protection
    reason: str
    since: datetime | None
    last_success: Session | None
    overdue: datetime | None


def judge(
    now: datetime,
    *,
    scheduled: bool,
    paused: bool,
    next_due: datetime | None,
    sessions: Sequence[Session],
    last_success: Session | None = None,
) -> Verdict:
    """
    Judge one backup against its DAG's schedule.

    :param now: the present.
    :param scheduled: whether the DAG has a schedule of times; one that waits for assets or a person has none.
    :param paused: whether the DAG is paused.
    :param next_due: when the next run is due, as the scheduler has noted it (``next_dagrun_run_after``); in
        the past when the scheduler has not made that run.
    :param sessions: the latest sessions, in any order.
    :param last_success: the latest success, if it is older than those.
    """
    newest = sorted(sessions, key=lambda one: one.due, reverse=True)
    good = next((one for one in newest if one.state == "success"), last_success)
    grace = allowance(newest)
    overdue = _unmet_due(now, scheduled, next_due, newest, good)
    if overdue is not None and now - overdue <= grace:
        overdue = None
    failures = _failures_since(newest, good)
    active = any(one.active and (good is None or one.due > good.due) for one in newest)

    def verdict(status: Protection, reason: str, since: datetime | None = None) -> Verdict:
        return Verdict(status, reason, since, good, overdue)

    if paused:
        return verdict(Protection.PAUSED, "The DAG is paused: no backup will come until it is resumed.")
    if failures:
        times = "The last backup failed" if len(failures) == 1 else f"The last {len(failures)} backups failed"
        before = "there is no good one" if good is None else f"the last good one is {_ago(now, good.due)} old"
        again = " Another is at work." if active else ""
        return verdict(Protection.FAILING, f"{times}; {before}.{again}", failures[-1].due)
    if good is None:
        what = "The first one is at work." if active else "There has been no backup yet."
        return verdict(Protection.NEVER, what, overdue)
    if overdue is not None:
        wanted = f"A backup was due {_ago(now, overdue)} ago"
        if active:
            return verdict(Protection.LATE, f"{wanted}; it is still at work.", overdue)
        return verdict(Protection.MISSED, f"{wanted}, and none came.", overdue)
    if not scheduled:
        return verdict(Protection.UNSCHEDULED, "No schedule says when the next backup must come.")
    return verdict(Protection.ON_TIME, "The backup that the schedule wanted is there.")


def allowance(sessions: Sequence[Session]) -> timedelta:
    """
    Give how long after its due time a backup may end: thrice what the latest took, ten minutes at least.

    :param sessions: the newest first.
    """
    took = [one.seconds for one in sessions if one.state == "success" and one.seconds is not None]
    longest = max(took[:_DURATIONS], default=0.0)
    return max(MINIMUM_GRACE, timedelta(seconds=3 * longest))


def _unmet_due(
    now: datetime,
    scheduled: bool,
    next_due: datetime | None,
    newest: Sequence[Session],
    good: Session | None,
) -> datetime | None:
    """Find the first due time after the last success that has passed without one."""
    if not scheduled:
        return None
    dues = [one.due for one in newest if not one.by_hand and (good is None or one.due > good.due)]
    if next_due is not None and (good is None or next_due > good.due):
        dues.append(next_due)
    return min((due for due in dues if due <= now), default=None)


def _failures_since(newest: Sequence[Session], good: Session | None) -> list[Session]:
    """Give the failed sessions since the last success, the newest first."""
    since = [one for one in newest if good is None or one.due > good.due]
    return [one for one in since if one.state == "failed"]


def _ago(now: datetime, moment: datetime) -> str:
    return human_seconds(max(0.0, (now - moment).total_seconds()))
