"""How results are written: bytes, seconds, RFC 3339 in UTC; and sizes for people, in logs alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_stash.etcd.models import MemberStatus

_KIB = 1024


def now() -> datetime:
    """Give the present time, in UTC."""
    return datetime.now(timezone.utc)


def rfc3339(moment: datetime) -> str:
    """Write a moment as ``2026-01-02T03:04:05Z``."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """
    Read a moment; without an offset it is UTC.

    :raises ValueError: it is no RFC 3339 (or ISO 8601) date and time.
    """
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def seconds_since(begin: datetime) -> float:
    """Give the seconds from ``begin`` until now, to the millisecond."""
    return round((now() - begin).total_seconds(), 3)


def human_size(size: float) -> str:
    """Write bytes for a log line: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def human_seconds(seconds: float) -> str:
    """Write a length of time for a person: ``3 d 4 h``, ``12 min``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def member_result(status: MemberStatus) -> dict[str, Any]:
    """Write a member's status as a plain dict, in etcd's names."""
    return {
        "name": status.name,
        "id": status.id,
        "endpoint": status.endpoint,
        "version": status.version,
        "revision": status.revision,
        "dbSize": status.db_size,
        "dbSizeInUse": status.db_size_in_use,
        "leader": status.is_leader,
        "learner": status.is_learner,
        "errors": list(status.errors),
        "error": status.error,
    }
