"""
Connections from Stash's manifests, made when a task needs them.

A DAG file tells, each time it is parsed, which connections its DAGs can have from manifests. A task's process parses
its DAG file first, so the AppBinding, the Repository and their Secrets are read there and nowhere else: nothing of
them is in the DAG's serialized form. An Airflow connection of the same id goes before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from airflow_provider_stash.exceptions import InvalidConfigurationError

_offered: dict[str, Callable[[], Mapping[str, Any]]] = {}


def offer_connection(conn_id: str, make: Callable[[], Mapping[str, Any]]) -> None:
    """
    Tell of a connection that can be made from manifests.

    :param conn_id: its id.
    :param make: gives ``conn_type``, ``host``, ``login``, ``password`` and ``extra``, when it is asked for.
    """
    _offered[conn_id] = make


def comes_from_manifests(conn_id: str) -> bool:
    """
    Tell whether a connection is made from manifests: only a process that has parsed the DAG file can make it.

    :param conn_id: its id.
    """
    if conn_id not in _offered:
        return False
    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return True
    return False


class ManifestHook(BaseHook):
    """A hook whose connection may come from manifests."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """
        Look up Airflow's connection of this id, else make the manifests'.

        :raises AirflowNotFoundException: there is neither.
        """
        try:
            return super().get_connection(conn_id)
        except AirflowNotFoundException:
            if conn_id not in _offered:
                raise
        try:
            fields = _offered[conn_id]()
        except InvalidConfigurationError as error:
            raise InvalidConfigurationError(
                f"There is no Airflow connection {conn_id!r}, and: {error}"
            ) from error
        if fields.get("password"):
            mask_secret(fields["password"])
        return Connection(
            conn_id=conn_id,
            conn_type=fields["conn_type"],
            host=fields.get("host"),
            login=fields.get("login"),
            password=fields.get("password"),
            extra=json.dumps(fields.get("extra") or {}),
        )
