"""When the DAG of a manifest runs, and how often alerts take it to run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException
from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]  # Airflow's own

_DAY = timedelta(days=1)
_LABELS = {"hourly": timedelta(hours=1), "daily": _DAY, "weekly": 7 * _DAY}
"""The labels of monitoring/rules.yaml, and the longest time between two runs that each is for."""
_RAREST = "monthly"
_WALK = 400 * _DAY
"""All months, and the turn of the year."""


@cache
def schedule_of(text: str | None) -> Any:
    """
    Give Airflow's schedule for what a CronJob takes: cron, ``@hourly``, ``@every 1h``, ``CRON_TZ=... cron``.

    :raises Refused: it is no schedule.
    """
    from airflow_provider_stash.resources.refusal import Refused
    from airflow_provider_stash.resources.scalars import Duration

    if text is None:
        return None
    if text.startswith("@every "):
        try:
            return Duration(text.removeprefix("@every ").strip()).timedelta
        except ValueError as error:
            raise Refused(
                "spec.schedule", f"{text!r}: write a duration behind @every, such as 90m."
            ) from error
    zone, cron = "UTC", text.strip()  # as Kubernetes' controllers mostly have it
    if cron.startswith(("CRON_TZ=", "TZ=")):
        zone, _, cron = cron.partition("=")[2].partition(" ")
    timetable = CronTriggerTimetable(cron.strip(), timezone=zone)
    try:
        ZoneInfo(zone)
        timetable.validate()
    except (AirflowException, KeyError, OSError, ValueError) as error:
        raise Refused("spec.schedule", f"{text!r} is no schedule: {error}") from error
    return timetable


@cache
def schedule_label(text: str | None) -> str | None:
    """
    Give the label ``schedule`` by which the alerts judge ages, by the longest time between two runs; None: no schedule.

    :raises Refused: it is no schedule.
    """
    schedule = schedule_of(text)
    if schedule is None:
        return None
    longest = schedule if isinstance(schedule, timedelta) else _longest_time(schedule.expression)
    return next((label for label, limit in _LABELS.items() if longest <= limit), _RAREST)


def _longest_time(cron: str) -> timedelta:
    """Give the longest time between two runs, by the clock on the wall: no hour more for the end of summer time."""
    minutes, hours = (
        range(whole) if values == ["*"] else values
        for values, whole in zip(croniter(cron).expanded[:2], (60, 24), strict=True)
    )
    times = sorted(timedelta(hours=hour, minutes=minute) for hour in hours for minute in minutes)
    within_a_day = max((later - earlier for earlier, later in pairwise(times)), default=timedelta())
    fields = cron.split()
    # Without the time: manifests differ in their minutes mostly. @weekly has but one field.
    days = _longest_days(" ".join(["0", "0", *fields[2:5]]) if len(fields) > 1 else cron)
    return max(within_a_day, days - times[-1] + times[0])


@cache
def _longest_days(cron: str) -> timedelta:
    """Give the longest time between two days on which it runs; once more than a week, it may not be the longest."""
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    runs, longest, earlier = croniter(cron, begin), timedelta(), begin
    if runs.expanded[2:5] == [["*"]] * 3:
        return _DAY
    while earlier - begin < _WALK and longest <= 7 * _DAY:
        try:
            later = runs.get_next(datetime)
        except CroniterBadDateError:  # such as the 30th of February
            return _WALK
        earlier, longest = later, max(longest, later - earlier)
    return longest
