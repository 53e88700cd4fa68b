"""The backup DAG (Stash: BackupConfiguration), and the same as a group of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup

from airflow_provider_stash.dags.backup_session import BackupForm, BackupSession
from airflow_provider_stash.dags.forms import add_form, backup_form
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow.sdk.bases.notifier import BaseNotifier


def etcd_backup_dag(
    dag_id: str,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    schedule: Any = None,
    paused: bool = False,
    overlap: str = "queue",
    timeout: timedelta | None = None,
    retries: int = 0,
    retry_delay: timedelta = timedelta(minutes=5),
    notify: Sequence[BaseNotifier] = (),
    dag_kwargs: Mapping[str, Any] | None = None,
    **session: Any,
) -> DAG:
    """
    Make the DAG that backs up one etcd cluster to one repository.

    Triggered by hand it offers a form: tags, keep for ever, verify deeply, retention on or off.

    :param dag_id: the DAG's id.
    :param etcd_conn_id: the etcd connection.
    :param repository_conn_id: the restic connection.
    :param schedule: any of Airflow's schedules, such as a cron expression; None: by hand only.
    :param paused: whether the DAG is paused when it is first seen (Stash: ``paused``).
    :param overlap: what a run does that comes while another is active: ``queue`` or ``skip``.
    :param timeout: for a whole run (Stash: ``timeOut``); None: no limit.
    :param retries: of each task (Stash: ``retryConfig.maxRetry``).
    :param retry_delay: between them (Stash: ``retryConfig.delay``).
    :param notify: Airflow notifiers that tell of a failure, once, and of the recovery; see docs/alerts.md.
    :param dag_kwargs: further arguments of the ``DAG``, such as ``owner_links``, ``start_date`` or ``tags``.
    :param session: further parameters of ``BackupSession``, such as ``retention_policy`` and ``metrics``.
    :raises InvalidConfigurationError: a value that can't be meant.
    """
    if overlap not in {"queue", "skip"}:
        raise InvalidConfigurationError(f"overlap is {overlap!r}: give 'queue' or 'skip'.")
    backup = BackupSession(etcd_conn_id=etcd_conn_id, repository_conn_id=repository_conn_id, **session)
    given = dict(dag_kwargs or {})
    defaults = {"retries": retries, "retry_delay": retry_delay, **given.pop("default_args", {})}
    arguments: dict[str, Any] = {
        "schedule": schedule,
        "catchup": False,
        "max_active_runs": 1 if overlap == "queue" else 16,
        "is_paused_upon_creation": paused,
        "dagrun_timeout": timeout,
        "default_args": defaults,
        "tags": ["stash", "backup", "etcd"],
        "doc_md": _doc(etcd_conn_id, repository_conn_id),
        **given,
    }
    what = f"Backup of {etcd_conn_id} to {repository_conn_id}"
    arguments = add_callbacks(arguments, notify, what=what, proof_task_id=backup.backup_task_id)
    with DAG(dag_id, **arguments) as dag:
        params = backup_form(own_task=backup.task is not None, check=backup.check)
        first = backup.build(dag, BackupForm(**{name: dag.param(name) for name in params}))
        if overlap == "skip":
            from airflow_provider_stash.operators.overlap import SkipIfRunningOperator

            SkipIfRunningOperator(task_id="skip_if_running") >> first
    add_form(dag, params)
    return dag


def etcd_backup(group_id: str = "etcd_backup", **session: Any) -> TaskGroup:
    """
    Make the tasks of a backup as a group inside a DAG.

    :param group_id: the group's id.
    :param session: the parameters of ``BackupSession``, such as ``etcd_conn_id`` and ``repository_conn_id``.
    :raises InvalidConfigurationError: a value that can't be meant.
    """
    with TaskGroup(group_id) as group:
        if group.dag is None:
            raise InvalidConfigurationError("etcd_backup() must be called inside a DAG.")
        BackupSession(**session).build(group.dag, BackupForm())
    return group


def _doc(etcd_conn_id: str, repository_conn_id: str) -> str:
    return f"""
Backs up the etcd cluster of the connection `{etcd_conn_id}` to the restic repository of the connection
`{repository_conn_id}`.

* **A backup now:** *Trigger*. The form takes tags, keeps the snapshot for ever, or has all data verified.
* **Is it protected?** The *Backups* page in the navigation tells the age of the last good backup, and the snapshots.
  The repository's status is also the last event of the asset `restic:{repository_conn_id}`.
* **It failed:** the log of the first red task says what was wrong and what to do. Older snapshots are not touched.
* **Restore:** trigger the restore DAG of this cluster, or *Restore...* beside a snapshot on the *Backups* page. By
  hand: `restic dump latest /stash-tmp/data/snapshot.db` gives the file that `etcdutl snapshot restore` takes.
"""
