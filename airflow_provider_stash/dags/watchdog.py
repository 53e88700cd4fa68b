"""The DAG that looks after all backups, also those that did not happen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.operators.watchdog import BackupWatchdogOperator

if TYPE_CHECKING:
    from airflow.sdk.bases.notifier import BaseNotifier


def backup_watchdog_dag(
    dag_id: str,
    *,
    notify: Sequence[BaseNotifier],
    airflow_conn_id: str = "airflow_api",
    schedule: Any = "*/10 * * * *",
    statuses: Collection[str] | None = None,
    forgotten_after: timedelta = timedelta(days=1),
    dag_kwargs: Mapping[str, Any] | None = None,
) -> DAG:
    """
    Make the DAG that looks after every backup DAG of this Airflow, and tells what is wrong with them.

    Once for each change, and again when it is mended. Also: a backup that its schedule wanted and that did not come,
    since the scheduler was down, the DAG is paused and forgotten, or every run is skipped; and one whose DAG is gone.

    :param dag_id: the DAG's id.
    :param notify: Airflow notifiers; see docs/alerts.md.
    :param airflow_conn_id: an ``http`` connection to Airflow's API server, with a user who may read the DAGs.
    :param schedule: how often to look.
    :param statuses: of which to tell: ``failing``, ``missed``, ``never``, ``late``, ``paused``; None: all of them.
    :param forgotten_after: a paused DAG is told of once a backup is missing for so long.
    :param dag_kwargs: further arguments of the ``DAG``.
    """
    arguments: dict[str, Any] = {
        "schedule": schedule,
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": False,
        "default_args": {"retries": 2, "retry_delay": timedelta(seconds=30)},
        "tags": ["stash", "watchdog", "etcd"],
        "doc_md": _DOC,
        **(dag_kwargs or {}),
    }
    arguments = add_callbacks(arguments, notify, what="The watchdog of etcd backups", proof_task_id="watch")
    with DAG(dag_id, **arguments) as dag:
        BackupWatchdogOperator(
            task_id="watch",
            notify=notify,
            airflow_conn_id=airflow_conn_id,
            statuses=statuses,
            forgotten_after=forgotten_after,
        )
    return dag


_DOC = """
Looks at every backup of etcd that this Airflow makes, or should make, and tells what changed: backups that fail, that
did not come though their schedule wanted them, that are late, that were never made, or whose DAG is paused and
forgotten; and those that are good again.

Also of one that is gone, as when its file can no longer be read; one that was removed on purpose is told of once.

What was told, and what is watched, is in the Airflow Variable `stash_told_<this DAG>.watch`. Delete it to be told
again.

It runs in Airflow, so it is silent while Airflow's scheduler is down, and tells of the backups missed afterwards. For
word at that very time have Prometheus watch the age of the last success (`monitoring/rules.yaml`).
"""
