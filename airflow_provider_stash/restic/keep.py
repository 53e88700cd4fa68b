"""What a retention policy would keep, told without restic: by the rules of ``restic forget``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from airflow_provider_stash.restic.retention import RetentionPolicy


class Dated(NamedTuple):
    """
    What a policy looks at.

    :param time: of the snapshot; its time zone tells where an hour, a day and so on begin.
    :param tags: of the snapshot.
    """

    time: datetime
    tags: Sequence[str] = ()


_PERIODS: dict[str, Callable[[datetime], object]] = {
    "keep_hourly": lambda time: (time.date(), time.hour),
    "keep_daily": lambda time: time.date(),
    "keep_weekly": lambda time: time.isocalendar()[:2],
    "keep_monthly": lambda time: (time.year, time.month),
    "keep_yearly": lambda time: time.year,
}


def keeps(policy: RetentionPolicy, snapshots: Sequence[Dated]) -> list[bool]:
    """
    Tell which snapshots of one series a policy keeps.

    As restic does: from the newest on, the newest of each period counts; while a rule's number is not used up, the
    oldest snapshot is kept by it too. The documentation of ``restic forget`` tells the rules.

    :param snapshots: of one host and path, in any order.
    :return: whether it is kept, for each in the same order.
    """
    kept = [any(set(tag.split(",")) <= set(one.tags) for tag in policy.keep_tags) for one in snapshots]
    newest_first = sorted(range(len(snapshots)), key=lambda at: snapshots[at].time, reverse=True)
    for at in newest_first[: policy.keep_last]:
        kept[at] = True
    for rule, period_of in _PERIODS.items():
        left: int = getattr(policy, rule)
        last: object = None
        for at in newest_first:
            period = period_of(snapshots[at].time)
            if left and (period != last or at == newest_first[-1]):
                kept[at], last, left = True, period, left - 1
    return kept
