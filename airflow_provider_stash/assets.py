"""The asset that stands for a restic repository; its events hold the repository's status."""

from __future__ import annotations

from airflow.sdk import Asset

REPOSITORY_URI = "x-restic://"


def repository_asset(restic_conn_id: str) -> Asset:
    """
    Give the asset of the repository of a restic connection.

    It is named by the connection: a location may hold credentials, and is not known when DAGs are parsed.

    :param restic_conn_id: the connection's id.
    """
    # Airflow takes "x-" as it is; for any other scheme it imports every provider's URI handlers, boto3
    # among them: 0.1 s of CPU at each start of a task.
    return Asset(name=f"restic:{restic_conn_id}", uri=f"{REPOSITORY_URI}{restic_conn_id}", group="restic")
