"""Reads the statuses of repositories, which the events of their assets tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.asset import AssetEvent, AssetModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session as Database

from airflow_provider_stash.assets import repository_asset


@dataclass(frozen=True, slots=True)
class Event:
    """
    A repository's status as an asset event tells it.

    :param status: see ``steps.status.status_of``, without its ``snapshots``.
    """

    id: int
    time: datetime
    dag_id: str | None
    run_id: str | None
    status: Mapping[str, Any]


_known: dict[int, Event] = {}
_KNOWN = 20_000


def statuses(
    database: Database, restic_conn_ids: Iterable[str], dag_ids: Iterable[str], limit: int
) -> dict[str, list[Event]]:
    """
    Read the latest events of repositories' assets, by restic connection, the newest first.

    :param dag_ids: only events of these DAGs' tasks.
    :param limit: how many of each.
    """
    uris = {repository_asset(one).uri: one for one in set(restic_conn_ids)}
    rank = func.row_number().over(partition_by=AssetEvent.asset_id, order_by=AssetEvent.timestamp.desc())
    numbered = (
        select(AssetEvent.id.label("id"), AssetModel.uri.label("uri"), rank.label("rank"))
        .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        .where(AssetModel.uri.in_(uris), AssetEvent.source_dag_id.in_(set(dag_ids)))
        .subquery()
    )
    rows = database.execute(
        select(numbered.c.id, numbered.c.uri)
        .where(numbered.c.rank <= limit)
        .order_by(numbered.c.rank)
    ).all()  # fmt: skip
    events = _events(database, [row.id for row in rows])
    found: dict[str, list[Event]] = {}
    for row in rows:
        if row.id in events:
            found.setdefault(uris[row.uri], []).append(events[row.id])
    return found


def _events(database: Database, ids: Sequence[int]) -> dict[int, Event]:
    """Read events; one that was read before is not read again, for it never changes and its snapshots are long."""
    if len(_known) > _KNOWN:
        _known.clear()
    # A dict of its own: another request may clear the other meanwhile.
    found = {one: event for one in ids if (event := _known.get(one))}
    unknown = [one for one in ids if one not in found]
    for begin in range(0, len(unknown), 500):
        part = unknown[begin : begin + 500]
        for event in database.scalars(select(AssetEvent).where(AssetEvent.id.in_(part))):
            database.expunge(event)
            extra = event.extra if isinstance(event.extra, dict) else {}
            found[event.id] = _known[event.id] = Event(
                event.id,
                event.timestamp,
                event.source_dag_id,
                event.source_run_id,
                {name: value for name, value in extra.items() if name != "snapshots"},
            )
    return found


def snapshots(database: Database, event: Event) -> list[dict[str, Any]]:
    """Read the snapshots that a status lists, the newest first."""
    extra = database.scalar(select(AssetEvent.extra).where(AssetEvent.id == event.id))
    listed = extra.get("snapshots") if isinstance(extra, dict) else None
    return list(listed or ())
