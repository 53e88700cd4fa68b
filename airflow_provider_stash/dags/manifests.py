"""
Stash's manifests as DAGs.

Every DAG file imports this through the factories: Stash's models are imported where manifests are read, in functions.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from airflow.sdk import DAG, get_parsing_context

from airflow_provider_stash.dags.manifest_batch import backup_batch_dag
from airflow_provider_stash.dags.manifest_restore_batch import restore_batch_dag
from airflow_provider_stash.dags.manifest_session import ManifestSettings, backup_dag, restore_dag
from airflow_provider_stash.dags.refused import refused_manifests
from airflow_provider_stash.exceptions import StashError
from airflow_provider_stash.hooks.manifests import offer_connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_stash.resources.load import Manifests
    from airflow_provider_stash.resources.plan import DagPlan
    from airflow_provider_stash.resources.refusal import Refusal

_MAKERS: dict[str, Callable[[DagPlan, ManifestSettings], DAG]] = {
    "BackupConfiguration": backup_dag,
    "RestoreSession": restore_dag,
    "BackupBatch": backup_batch_dag,
    "RestoreBatch": restore_batch_dag,
}


def dags_from_manifests(
    *paths: str | PathLike[str], settings: ManifestSettings | None = None
) -> dict[str, DAG]:
    """
    Make the DAGs of Stash's manifests: one for each BackupConfiguration, RestoreSession, BackupBatch and
    RestoreBatch, and for each AppBinding whose annotations name a BackupBlueprint.

    Use it in a DAG file: ``globals().update(dags_from_manifests("/opt/airflow/stash"))``. What is refused shows
    among Airflow's import errors, under the manifest's path, with object and field; everything else loads. In a
    task's process the task's own DAG alone is made.

    :param paths: of files, and of directories, which are searched with all below them.
    :param settings: what manifests can't say.
    :return: DAGs by id.
    """
    from airflow_provider_stash.resources.load import load, open_manifests
    from airflow_provider_stash.resources.planner import plan_one

    settings = settings or ManifestSettings()
    wanted = get_parsing_context().dag_id
    if wanted is not None:
        manifests = open_manifests(*paths)
        planned = plan_one(manifests, wanted)
        return {wanted: build_dag(planned, manifests, settings)} if planned is not None else {}
    with _collector_paused():
        dags, refusals = build_all(load(*paths), settings)
        return {**dags, **refused_manifests(refusals)}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Look for no garbage: nearly all that is made stays, and looking through it takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def build_all(manifests: Manifests, settings: ManifestSettings) -> tuple[dict[str, DAG], list[Refusal]]:
    """
    Make all DAGs of manifests that are loaded.

    :return: DAGs by id, and everything that is refused.
    """
    from airflow_provider_stash.resources.planner import plan_all
    from airflow_provider_stash.resources.refusal import Refusal, Refused

    plans, refusals = plan_all(manifests)
    dags: dict[str, DAG] = {}
    for planned in plans:
        called = f"{planned.kind} {planned.namespace}/{planned.name}"
        try:
            dags[planned.dag_id] = build_dag(planned, manifests, settings)
        except Refused as error:
            refusals.append(Refusal(planned.file, planned.line, called, error.field, error.sentence))
        except Exception as error:  # noqa: BLE001 - what is said of one must not take the others away
            words = str(error) if isinstance(error, StashError) else f"Airflow refuses it: {error}"
            refusals.append(Refusal(planned.file, planned.line, called, "", words))
    return dags, refusals


def build_dag(planned: DagPlan, manifests: Manifests, settings: ManifestSettings) -> DAG:
    """
    Make the DAG of a plan.

    :param manifests: those that it was planned from; its connections are made from them.
    :raises Refused: what can't be done where this runs.
    """
    from airflow_provider_stash.resources.connections import etcd_connection, restic_connection

    for connection in planned.connections:
        if connection.in_manifests:
            make = etcd_connection if connection.kind == "AppBinding" else restic_connection
            given = partial(make, manifests, connection.namespace, connection.name, **connection.options)
            offer_connection(connection.conn_id, given)
    return _MAKERS[planned.kind](planned, settings)
