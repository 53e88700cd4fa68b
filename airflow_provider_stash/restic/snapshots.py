"""Lists snapshots (``restic snapshots``)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A snapshot's record.

    :param time: when it was begun, in UTC.
    :param size: bytes of its files; None where restic did not record it (before 0.17).
    """

    id: str
    time: datetime
    host: str
    paths: tuple[str, ...]
    tags: tuple[str, ...]
    size: int | None


def list_snapshots(repository: Repository) -> list[Snapshot]:
    """
    List all snapshots. No lock is taken: a list neither waits nor blocks.

    :raises ResticError: restic failed.
    """
    output = run(repository, ["snapshots", "--json", "--no-lock"])
    return [parse_snapshot(record) for record in json.loads(output.stdout or "[]") or []]


def parse_snapshot(record: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot from restic's JSON."""
    summary = record.get("summary") or {}
    return Snapshot(
        id=record["id"],
        time=parse_time(record["time"]),
        host=record.get("hostname", ""),
        paths=tuple(record.get("paths") or ()),
        tags=tuple(record.get("tags") or ()),
        size=summary.get("total_bytes_processed"),
    )


def parse_time(text: str) -> datetime:
    """Read restic's time: RFC 3339 with up to nine digits of a second's fraction."""
    fraction = _FRACTION.search(text)
    if fraction:  # Python before 3.11 takes three or six digits
        text = text.replace(fraction[0], f".{fraction[1]:0<6}")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
