"""The backup DAG (Stash: BackupConfiguration), and the same as a group of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule

from airflow_provider_stash.dags.forms import add_form, backup_form
from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob, as_job
from airflow_provider_stash.operators.etcd import EtcdBackupOperator, EtcdWaitOperator
from airflow_provider_stash.operators.overlap import SkipIfRunningOperator
from airflow_provider_stash.operators.restic import (
    ResticCheckOperator,
    ResticForgetOperator,
    ResticInitOperator,
    ResticStatusOperator,
)
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator
from airflow_provider_stash.restic.forget import RetentionPolicy
from airflow_provider_stash.sensors.etcd import EtcdHealthSensor
from airflow_provider_stash.steps.backup import STASH_HOST, TempDir

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.bases.notifier import BaseNotifier


@dataclass(frozen=True)
class Metrics:
    """
    Where a session's metrics go; without one of the two, nowhere.

    :param pushgateway_conn_id: an ``http`` connection.
    :param textfile_dir: node_exporter's textfile directory.
    :param namespace: label.
    :param labels: further labels.
    :param dashboard_url: of a dashboard, such as Grafana's; linked from the task that pushes. (templated)
    """

    pushgateway_conn_id: str | None = None
    textfile_dir: str | None = None
    namespace: str = "default"
    labels: Mapping[str, str] | None = None
    dashboard_url: str | None = None


@dataclass(frozen=True)
class _Form:
    """What a person may set for one run; in a group inside another DAG there is no form."""

    tags: Any = None
    keep_forever: Any = False
    verify_deeply: Any = False
    retention: Any = True


def etcd_backup_dag(
    dag_id: str,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    schedule: Any = None,
    retention_policy: RetentionPolicy | Mapping[str, Any] | None = None,
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
    :param retention_policy: see ``etcd_backup``.
    :param paused: whether the DAG is paused when it is first seen (Stash: ``paused``).
    :param overlap: what a run does that comes while another is active: ``queue`` or ``skip``.
    :param timeout: for a whole run (Stash: ``timeOut``); None: no limit.
    :param retries: of each task (Stash: ``retryConfig.maxRetry``).
    :param retry_delay: between them (Stash: ``retryConfig.delay``).
    :param notify: Airflow notifiers that tell of a failure, once, and of the recovery; see docs/alerts.md.
    :param dag_kwargs: further arguments of the ``DAG``, such as ``owner_links``, ``start_date`` or ``tags``.
    :param session: further arguments of ``etcd_backup``.
    :raises InvalidConfigurationError: a value that can't be meant.
    """
    if overlap not in {"queue", "skip"}:
        raise InvalidConfigurationError(f"overlap is {overlap!r}: give 'queue' or 'skip'.")
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
    arguments = add_callbacks(arguments, notify, what=what, proof_task_id="backup")
    with DAG(dag_id, **arguments) as dag:
        form = _Form(
            dag.param("tags"), dag.param("keep_forever"), dag.param("verify_deeply"), dag.param("retention")
        )
        first = _build(
            dag,
            form,
            etcd_conn_id=etcd_conn_id,
            repository_conn_id=repository_conn_id,
            retention_policy=retention_policy,
            **session,
        )
        if overlap == "skip":
            SkipIfRunningOperator(task_id="skip_if_running") >> first
    add_form(dag, backup_form())
    return dag


def etcd_backup(group_id: str = "etcd_backup", **session: Any) -> TaskGroup:
    """
    Make the tasks of a backup as a group inside a DAG.

    :param group_id: the group's id.
    :param etcd_conn_id: the etcd connection.
    :param repository_conn_id: the restic connection.
    :param retention_policy: which snapshots to keep, a ``RetentionPolicy`` or a mapping in Stash's names;
        None: keep all.
    :param hostname: the restic host (Stash: ``target.alias``); default ``host-0``.
    :param initialize: make the repository when there is none; default yes.
    :param check: check the repository's integrity; default yes.
    :param read_data_subset: have the check read a part of the data: ``rotate/7``, ``5%``, ``1G``.
    :param execution: where the steps run: ``worker`` (the default), ``kubernetes`` (Jobs as the connection
        ``kubernetes_default`` says), or a ``KubernetesJob``.
    :param one_task: all steps in one task, ``session``: one Job, where ``execution`` is one.
    :param wait_timeout: seconds to wait for etcd (Stash: ``waitTimeout``); default 300.
    :param deferrable: wait for etcd in the triggerer; a Job has a ``deferrable`` of its own.
    :param temp_dir: stage the snapshot in a file, a ``TempDir``; default: stream it.
    :param hash_kv: record etcd's hash of all keys.
    :param extra_args: further arguments of ``restic backup``.
    :param lock_timeout: seconds to wait while the repository is locked; default 600.
    :param pool: a pool with one slot a repository, for tasks that lock it.
    :param pre_backup: operators to run before, one after another; when one fails, nothing else runs.
    :param post_backup: operators or ``PostHook``s to run after; when one fails, the run does.
    :param metrics: a ``Metrics``; default: none are pushed.
    """
    with TaskGroup(group_id) as group:
        if group.dag is None:
            raise InvalidConfigurationError("etcd_backup() must be called inside a DAG.")
        _build(group.dag, _Form(), **session)
    return group


def _build(
    dag: DAG,
    form: _Form,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    retention_policy: RetentionPolicy | Mapping[str, Any] | None = None,
    hostname: str = STASH_HOST,
    initialize: bool = True,
    check: bool = True,
    read_data_subset: str | None = None,
    execution: KubernetesJob | str | None = None,
    one_task: bool = False,
    wait_timeout: float = 300.0,
    deferrable: bool = False,
    temp_dir: TempDir | None = None,
    hash_kv: bool = False,
    extra_args: Sequence[str] = (),
    lock_timeout: float = 600.0,
    pool: str | None = None,
    pre_backup: Sequence[BaseOperator] = (),
    post_backup: Sequence[PostHook | BaseOperator] = (),
    metrics: Metrics | None = None,
) -> list[BaseOperator]:
    """Make the tasks; gives the first ones."""
    if retention_policy is not None and not isinstance(retention_policy, RetentionPolicy):
        retention_policy = RetentionPolicy.from_stash(
            retention_policy
        )  # a mistake shows when the DAG is parsed
    on_repository: dict[str, Any] = {"restic_conn_id": repository_conn_id, "execution": execution}
    locking = {**on_repository, **({"pool": pool} if pool else {})}
    backup_arguments: dict[str, Any] = {
        "etcd_conn_id": etcd_conn_id,
        "hostname": hostname,
        "tags": form.tags,
        "keep_forever": form.keep_forever,
        "temp_dir": temp_dir,
        "hash_kv": hash_kv,
        "extra_args": list(extra_args),
        "lock_timeout": lock_timeout,
        **locking,
    }
    if one_task:
        session = EtcdBackupSessionOperator(
            task_id="session",
            create=initialize,
            wait_timeout=wait_timeout,
            retention_policy=retention_policy,
            retention=form.retention,
            check=check,
            read_data=form.verify_deeply,
            read_data_subset=read_data_subset,
            **backup_arguments,
        )
        chain_before(pre_backup, dag, []) >> session
        data: list[BaseOperator] = [*pre_backup, session]
        _finish(
            dag,
            data,
            session,
            session,
            etcd_conn_id,
            repository_conn_id,
            hostname,
            pre_backup,
            post_backup,
            metrics,
        )
        return data[:1]
    wait: BaseOperator
    if as_job(execution) is None:
        wait = EtcdHealthSensor(
            task_id="wait_for_etcd", etcd_conn_id=etcd_conn_id, timeout=wait_timeout, deferrable=deferrable
        )
    else:
        wait = EtcdWaitOperator(
            task_id="wait_for_etcd", etcd_conn_id=etcd_conn_id, timeout=wait_timeout, execution=execution
        )
    init = ResticInitOperator(task_id="init_repository", create=initialize, **locking)
    backup = EtcdBackupOperator(task_id="backup", **backup_arguments)
    chain_before(pre_backup, dag, [wait, init]) >> backup
    data = [wait, init, *pre_backup, backup]
    forget: BaseOperator | None = None
    if retention_policy is not None:
        forget = ResticForgetOperator(
            task_id="forget",
            retention_policy=retention_policy,
            hostname=hostname,
            enabled=form.retention,
            lock_timeout=lock_timeout,
            **locking,
        )
        data[-1] >> forget
        data.append(forget)
    checked: BaseOperator | None = None
    if check:
        checked = ResticCheckOperator(
            task_id="check",
            read_data=form.verify_deeply,
            read_data_subset=read_data_subset,
            lock_timeout=lock_timeout,
            trigger_rule=TriggerRule.NONE_FAILED,  # also when retention was turned off for this run
            **locking,
        )
        [backup, data[-1]] >> checked
        data.append(checked)
    status = ResticStatusOperator(
        task_id="status",
        check_task_id=checked.task_id if checked else None,
        forget_task_id=forget.task_id if forget else None,
        trigger_rule=TriggerRule.ALL_DONE,
        **on_repository,
    )
    data[-1] >> status
    _finish(
        dag,
        data,
        backup,
        status,
        etcd_conn_id,
        repository_conn_id,
        hostname,
        pre_backup,
        post_backup,
        metrics,
    )
    return [wait, init]


def _finish(
    dag: DAG,
    data: Sequence[BaseOperator],
    host: BaseOperator,
    status: BaseOperator,
    etcd_conn_id: str,
    repository_conn_id: str,
    hostname: str,
    pre_backup: Sequence[BaseOperator],
    post_backup: Sequence[PostHook | BaseOperator],
    metrics: Metrics | None,
) -> None:
    """Make the tasks after the data tasks: the run's outcome, hooks, metrics."""
    # The run's outcome is that of the data tasks: tasks that run whatever happened must not hide a failure.
    data[-1] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
    after = attach_after(
        post_backup,
        dag,
        data,
        host=host,
        before=pre_backup,
        session=described("BackupConfiguration", dag.dag_id, etcd_conn_id),
    )
    if metrics is not None:
        from airflow_provider_stash.operators.metrics import PushMetricsOperator

        push = PushMetricsOperator(
            task_id="push_metrics",
            session="backup",
            etcd_conn_id=etcd_conn_id,
            restic_conn_id=repository_conn_id,
            data_task_ids=[task.task_id for task in data],
            host_task_id=host.task_id,
            status_task_id=status.task_id,
            pushgateway_conn_id=metrics.pushgateway_conn_id,
            textfile_dir=metrics.textfile_dir,
            hostname=hostname,
            namespace=metrics.namespace,
            labels=metrics.labels,
            dashboard_url=metrics.dashboard_url,
        )
        # A teardown's failure shows, but does not fail the run.
        [status, *after] >> push.as_teardown()


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
