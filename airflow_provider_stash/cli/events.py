"""What the sessions told of their repositories: the latest event of each repository's asset."""

from __future__ import annotations

from typing import Any

from airflow_provider_stash.assets import REPOSITORY_URI
from airflow_provider_stash.steps.results import rfc3339


def last_status() -> dict[str, dict[str, Any]]:
    """
    Read the latest status of every repository from Airflow's database.

    :return: by restic connection: ``connection``, what ``steps.status.status_of`` told, and when
        (``time``).
    """
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        newest = select(func.max(AssetEvent.id)).group_by(AssetEvent.asset_id)
        found = session.execute(
            select(AssetModel.uri, AssetEvent.timestamp, AssetEvent.extra)
            .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
            .where(AssetModel.uri.startswith(REPOSITORY_URI), AssetEvent.id.in_(newest))
        ).all()
    status = {}
    for uri, time, extra in found:
        conn_id = uri.removeprefix(REPOSITORY_URI)
        if "snapshotCount" in extra:  # an event by hand may hold anything
            status[conn_id] = {"connection": conn_id, **extra, "time": rfc3339(time)}
    return status
