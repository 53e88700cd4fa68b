"""The tasks of one backup (Stash: BackupSession)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import TriggerRule

from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.place import as_job
from airflow_provider_stash.operators.etcd import EtcdBackupOperator, EtcdWaitOperator
from airflow_provider_stash.operators.restic import (
    ResticCheckOperator,
    ResticForgetOperator,
    ResticInitOperator,
    ResticStatusOperator,
)
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.resources.task_plan import TaskPlan
    from airflow_provider_stash.steps.staging import TempDir


@dataclass(frozen=True)
class BackupForm:
    """What a person may set for one run; in a group inside another DAG there is no form."""

    tags: Any = None
    keep_forever: Any = False
    verify_deeply: Any = False
    retention: Any = True


@dataclass(frozen=True, kw_only=True)
class BackupSession:
    """
    What a backup is made of.

    :param etcd_conn_id: the etcd connection.
    :param repository_conn_id: the restic connection.
    :param retention_policy: which snapshots to keep, a ``RetentionPolicy`` or a mapping in Stash's names;
        None: keep all.
    :param hostname: the restic host (Stash: ``target.alias``).
    :param initialize: make the repository when there is none. ``backup`` does, when restic finds none; where it must be
        there before, for ``pre_backup`` or a ``task``, the task ``init_repository`` does.
    :param check: check the repository's integrity.
    :param read_data_subset: have the check read a part of the data: ``rotate/7``, ``5%``, ``1G``.
    :param execution: where the steps run: ``worker`` (the default), ``kubernetes`` (Jobs as the connection
        ``kubernetes_default`` says), or a ``KubernetesJob``.
    :param one_task: all steps in one task, ``session``: one Job, where ``execution`` is one. It waits for etcd, too, in
        its slot of ``pool``.
    :param task: a Task of the user's own that takes the backup, in a Job: it does without ``one_task``, and what is
        said of etcd and of ``restic backup`` has no effect on it. None: it is taken as Stash's etcd addon does.
    :param wait_timeout: seconds to wait for etcd (Stash: ``waitTimeout``). ``backup`` does; where etcd must answer
        before, for ``pre_backup`` or a slot of ``pool``, the task ``wait_for_etcd`` does.
    :param deferrable: wait for etcd in the triggerer, in that task; a Job has a ``deferrable`` of its own.
    :param temp_dir: stage the snapshot in a file; None: stream it.
    :param hash_kv: record etcd's hash of all keys.
    :param extra_args: further arguments of ``restic backup``.
    :param lock_timeout: seconds to wait while the repository is locked.
    :param pool: a pool with one slot a repository, for tasks that lock it.
    :param pre_backup: operators to run before, one after another; when one fails, nothing else runs.
    :param post_backup: operators or ``PostHook``s to run after; when one fails, the run does.
    :param metrics: where metrics go; None: none are pushed.
    """

    etcd_conn_id: str
    repository_conn_id: str
    retention_policy: RetentionPolicy | Mapping[str, Any] | None = None
    hostname: str = STASH_HOST
    initialize: bool = True
    check: bool = True
    read_data_subset: str | None = None
    execution: KubernetesJob | str | None = None
    one_task: bool = False
    task: TaskPlan | None = None
    wait_timeout: float = 300.0
    deferrable: bool = False
    temp_dir: TempDir | None = None
    hash_kv: bool = False
    extra_args: Sequence[str] = ()
    lock_timeout: float = 600.0
    pool: str | None = None
    pre_backup: Sequence[BaseOperator] = ()
    post_backup: Sequence[PostHook | BaseOperator] = ()
    metrics: Metrics | None = None

    def __post_init__(self) -> None:
        policy = self.retention_policy
        if policy is not None and not isinstance(policy, RetentionPolicy):
            # A mistake shows when the DAG is parsed.
            object.__setattr__(self, "retention_policy", RetentionPolicy.from_stash(policy))
        if self.one_task and self.deferrable:
            raise InvalidConfigurationError(
                "one_task waits for etcd in its one task: deferrable has no effect there. Leave one of them out; the "
                "wait for a Job is deferred by KubernetesJob(deferrable=True)."
            )
        if self.task is not None and (self.one_task or as_job(self.execution) is None):
            raise InvalidConfigurationError(
                f"The Task {self.task.name} needs Kubernetes, and a task of its own: give execution, and no one_task."
            )

    @property
    def backup_task_id(self) -> str:
        """The task that takes the snapshot; in a group, behind the group's id."""
        return "session" if self.one_task else "backup"

    def build(self, dag: DAG, form: BackupForm) -> list[BaseOperator]:
        """
        Make the tasks in a DAG, or in the group that is open.

        :return: the first ones.
        """
        if self.one_task:
            session = self._session(form)
            chain_before(self.pre_backup, dag, []) >> session
            data: list[BaseOperator] = [*self.pre_backup, session]
            self._finish(dag, data, backup=session, status=session)
            return data[:1]
        first = [*self._wait(), *self._init()]
        backup = self._backup(form)
        chain_before(self.pre_backup, dag, first) >> backup
        data = [*first, *self.pre_backup, backup]
        forget = self._forget(form)
        check = self._check(form, forget)
        if forget is not None:
            backup >> forget
            data.append(forget)
        if check is not None:
            [backup, data[-1]] >> check
            data.append(check)
        status = ResticStatusOperator(
            task_id="status",
            check_task_id=check.task_id if check else None,
            forget_task_id=forget.task_id if forget else None,
            absent_is_empty=self.initialize,  # a run that fails before its first backup
            trigger_rule=TriggerRule.ALL_DONE,
            **self._on_repository(),
        )
        data[-1] >> status
        self._finish(dag, data, backup=backup, status=status)
        return first or data[:1]

    # --- tasks ------------------------------------------------------------------------------------
    # Each task reads its DAG's file: what few DAGs have is imported where it is made.

    def _session(self, form: BackupForm) -> BaseOperator:
        from airflow_provider_stash.operators.session import EtcdBackupSessionOperator

        return EtcdBackupSessionOperator(
            task_id="session",
            retention_policy=self.retention_policy,
            retention=form.retention,
            check=self.check,
            read_data=form.verify_deeply,
            read_data_subset=self.read_data_subset,
            **self._backup_arguments(form),
        )

    def _backup(self, form: BackupForm) -> BaseOperator:
        if self.task is None:
            return EtcdBackupOperator(task_id="backup", **self._backup_arguments(form))
        from airflow_provider_stash.operators.stash_task import StashTaskBackupOperator

        return StashTaskBackupOperator(
            task_id="backup",
            plan=self.task,
            etcd_conn_id=self.etcd_conn_id,
            hostname=self.hostname,
            pushgateway_conn_id=self.metrics.pushgateway_conn_id if self.metrics else None,
            **self._locking(),
        )

    def _wait(self) -> list[BaseOperator]:
        deferred = self.deferrable and as_job(self.execution) is None
        # The backup waits itself, as does a Task of the user's own, if it has to; but not in a slot that others want.
        if self.task is not None or not (self.pre_backup or self.pool or deferred):
            return []
        arguments: dict[str, Any] = {
            "task_id": "wait_for_etcd", "etcd_conn_id": self.etcd_conn_id, "timeout": self.wait_timeout
        }  # fmt: skip
        if as_job(self.execution) is None:
            from airflow_provider_stash.sensors.etcd import EtcdHealthSensor

            return [EtcdHealthSensor(deferrable=self.deferrable, **arguments)]
        return [EtcdWaitOperator(execution=self.execution, **arguments)]

    def _init(self) -> list[BaseOperator]:
        # By itself it would only look: restic takes half a second for its key at each start.
        if not self.pre_backup and self.task is None:
            return []
        return [ResticInitOperator(task_id="init_repository", create=self.initialize, **self._locking())]

    def _forget(self, form: BackupForm) -> BaseOperator | None:
        if self.retention_policy is None:
            return None
        return ResticForgetOperator(
            task_id="forget",
            retention_policy=self.retention_policy,
            hostname=self.hostname,
            enabled=form.retention,
            lock_timeout=self.lock_timeout,
            **self._locking(),
        )

    def _check(self, form: BackupForm, forget: BaseOperator | None) -> BaseOperator | None:
        if not self.check:
            return None
        return ResticCheckOperator(
            task_id="check",
            read_data=form.verify_deeply,
            read_data_subset=self.read_data_subset,
            lock_timeout=self.lock_timeout,
            measure=True,
            forget_task_id=forget.task_id if forget else None,
            trigger_rule=TriggerRule.NONE_FAILED,  # also when retention was turned off for this run
            **self._locking(),
        )

    def _finish(
        self, dag: DAG, data: Sequence[BaseOperator], *, backup: BaseOperator, status: BaseOperator
    ) -> None:
        """Make the tasks after the data tasks: the run's outcome, hooks, metrics."""
        # The run's outcome is that of the data tasks: tasks that run whatever happened must not hide a failure.
        data[-1] >> EmptyOperator(task_id="outcome", trigger_rule=TriggerRule.NONE_FAILED)
        after = attach_after(
            self.post_backup,
            dag,
            data,
            host=backup,
            before=self.pre_backup,
            session=described("BackupConfiguration", dag.dag_id, self.etcd_conn_id),
        )
        if self.metrics is not None:
            self.metrics.push_after(
                [status, *after],
                data=data,
                host=backup,
                session="backup",
                etcd_conn_id=self.etcd_conn_id,
                restic_conn_id=self.repository_conn_id,
                status_task_id=status.task_id,
                hostname=self.hostname,
            )

    # --- arguments that tasks share -----------------------------------------------------------------

    def _on_repository(self) -> dict[str, Any]:
        return {"restic_conn_id": self.repository_conn_id, "execution": self.execution}

    def _locking(self) -> dict[str, Any]:
        return {**self._on_repository(), **({"pool": self.pool} if self.pool else {})}

    def _backup_arguments(self, form: BackupForm) -> dict[str, Any]:
        return {
            "etcd_conn_id": self.etcd_conn_id,
            "wait_timeout": self.wait_timeout,
            "create": self.initialize,
            "hostname": self.hostname,
            "tags": form.tags,
            "keep_forever": form.keep_forever,
            "temp_dir": self.temp_dir,
            "hash_kv": self.hash_kv,
            "extra_args": list(self.extra_args),
            "lock_timeout": self.lock_timeout,
            **self._locking(),
        }
