"""The tasks of one cluster's restore (Stash: RestoreSession)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.operators.restic import ResolveSnapshotOperator
from airflow_provider_stash.operators.restore import (
    CleanUpRestoreOperator,
    FetchSnapshotOperator,
    FillMembersOperator,
    RollBackOperator,
    StartMembersOperator,
    StopMembersOperator,
    VerifyRestoreOperator,
)
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator, Context

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.workloads.base import Workload


@dataclass(frozen=True)
class RestoreForm:
    """
    What may be set for one run: values, templates or parameters of the DAG.

    :param snapshot: ``latest``, or a snapshot's id or the beginning of one.
    :param before: with ``latest``: only snapshots taken before this time (RFC 3339); None: no matter when.
    :param hostname: the restic host whose snapshots are meant.
    :param bump_revision: how far revisions move on: ``auto``, ``off``, a number.
    :param approval: whether a person is asked before anything is stopped.
    :param dry_run: check everything, tell what would be lost, and stop nothing.
    """

    snapshot: Any = "latest"
    before: Any = None
    hostname: Any = STASH_HOST
    bump_revision: Any = "auto"
    approval: Any = False
    dry_run: Any = False


class RestoreTasks(NamedTuple):
    """
    Where a restore's tasks can be tied to others.

    :param approve: the last one that changes nothing.
    :param change: the first one behind it.
    :param settle: the one behind which nothing changes the members any more, whatever happened.
    """

    approve: BaseOperator
    change: BaseOperator
    settle: BaseOperator


@dataclass(frozen=True, kw_only=True)
class RestoreSession:
    """
    What a restore is made of.

    :param etcd_conn_id: the etcd connection; none of its members needs to be alive.
    :param repository_conn_id: the restic connection.
    :param workload: where the members run, such as a ``ProcessWorkload``.
    :param execution: where the snapshot is chosen and fetched and the restored cluster verified: ``worker`` (the
        default), ``kubernetes`` or a ``KubernetesJob``, as in ``etcd_backup``. For a ``ProcessWorkload`` the
        worker fetches it in any case: its members are filled from that file.
    :param approval_timeout: how long to wait for a person's answer; None: for ever.
    :param work_dir: where the snapshot is downloaded to; None: the system's temporary directory.
    :param etcd_tools: directory or path of etcdutl (or etcdctl); None: PATH.
    :param rehearse: start a throw-away etcd on the downloaded data first, where there is an ``etcd`` program.
    :param health_timeout: seconds for all members to be healthy after the start.
    :param keep_restores: how many restores' old data stay, this one included.
    :param keep_days: old data of a restore longer ago than this goes.
    :param queue: Airflow queue of the worker on the members' host; None: the default.
    :param pre_restore: operators to run before the members are stopped, one after another.
    :param post_restore: operators or ``PostHook``s to run after.
    :param metrics: where the session's metrics go; None: nowhere.
    """

    etcd_conn_id: str
    repository_conn_id: str
    workload: Workload
    execution: KubernetesJob | str | None = None
    approval_timeout: timedelta | None = None
    work_dir: str | None = None
    etcd_tools: str | None = None
    rehearse: bool = True
    health_timeout: float = 120.0
    keep_restores: int = 3
    keep_days: float = 14.0
    queue: str | None = None
    pre_restore: Sequence[BaseOperator] = ()
    post_restore: Sequence[PostHook | BaseOperator] = ()
    metrics: Metrics | None = None

    def build(
        self, dag: DAG, form: RestoreForm, *, may_begin: Callable[[Context], None] | None = None
    ) -> RestoreTasks:
        """
        Make the tasks in a DAG, or in the group that is open.

        :param may_begin: called before the first one; raises what forbids, or skips, the restore.
        """
        resolve = ResolveSnapshotOperator(
            task_id="resolve_snapshot",
            restic_conn_id=self.repository_conn_id,
            snapshot=form.snapshot,
            before=form.before,
            hostname=form.hostname,
            execution=self.execution,
            pre_execute=may_begin,
        )
        chosen: Any = resolve.output
        fetch = FetchSnapshotOperator(
            task_id="fetch_snapshot",
            etcd_conn_id=self.etcd_conn_id,
            restic_conn_id=self.repository_conn_id,
            snapshot=chosen,
            work_dir=self.work_dir,
            etcd_tools=self.etcd_tools,
            rehearse=self.rehearse,
            bump_revision=form.bump_revision,
            execution=self.execution if self.workload.fills_from_repository else None,
            **self._on_host(),
        )
        plan: Any = fetch.output
        approve = self._approve(form, plan)
        fill = FillMembersOperator(
            task_id="fill_members", plan=plan, restic_conn_id=self.repository_conn_id, **self._on_host()
        )
        stop = StopMembersOperator(task_id="stop_members", **self._on_host())
        start = StartMembersOperator(task_id="start_members", **self._on_host())
        verify = VerifyRestoreOperator(
            task_id="verify",
            plan=plan,
            etcd_conn_id=self.etcd_conn_id,
            timeout=self.health_timeout,
            execution=self.execution,
            **self._on_host(),
        )
        order = [fill, stop] if self.workload.fills_while_running else [stop, fill]
        last = chain_before(self.pre_restore, dag, [approve])
        last >> order[0] >> order[1] >> start >> verify
        changed = [*order, start, verify]
        data = [resolve, fetch, approve, *self.pre_restore, *changed]
        # The run's outcome is that of the data tasks, whatever the tasks after them did.
        verify >> EmptyOperator(task_id="outcome")
        roll_back = self._finish(dag, form, data, changed=changed, verify=verify)
        return RestoreTasks(approve, [*self.pre_restore, *order][0], roll_back)

    # --- tasks ------------------------------------------------------------------------------------

    def _approve(self, form: RestoreForm, plan: Any) -> BaseOperator:
        from airflow_provider_stash.operators.approval import RestoreApprovalOperator

        return RestoreApprovalOperator(
            task_id="approve",
            plan=plan,
            etcd_conn_id=self.etcd_conn_id,
            ask=form.approval,
            plan_only=form.dry_run,
            response_timeout=self.approval_timeout,
        )

    def _finish(
        self,
        dag: DAG,
        form: RestoreForm,
        data: Sequence[BaseOperator],
        *,
        changed: Sequence[BaseOperator],
        verify: BaseOperator,
    ) -> BaseOperator:
        """Make the tasks after the data tasks: the way back, which it gives, hooks, metrics."""
        roll_back = RollBackOperator(
            task_id="roll_back",
            verify_task_id=verify.task_id,
            etcd_conn_id=self.etcd_conn_id,
            retries=2,
            retry_delay=timedelta(seconds=10),
            **self._on_host(),
        )
        clean = CleanUpRestoreOperator(
            task_id="clean_up",
            work_dir=self.work_dir,
            keep_restores=self.keep_restores,
            keep_days=self.keep_days,
            **self._on_host(),
        )
        list(changed) >> roll_back.as_teardown()
        after = attach_after(
            self.post_restore,
            dag,
            data,
            host=verify,
            before=self.pre_restore,
            session=described("RestoreSession", dag.dag_id, self.etcd_conn_id),
        )
        [roll_back, *after] >> clean.as_teardown()
        if self.metrics is not None:
            self.metrics.push_after(
                [roll_back, *after],
                data=data,
                host=verify,
                session="restore",
                etcd_conn_id=self.etcd_conn_id,
                restic_conn_id=self.repository_conn_id,
                hostname=form.hostname,
            )
        return roll_back

    def _on_host(self) -> dict[str, Any]:
        return {"workload": self.workload, **({"queue": self.queue} if self.queue else {})}
