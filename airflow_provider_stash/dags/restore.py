"""The restore DAG (Stash: RestoreSession)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_stash.dags.forms import add_form, require_confirmation, restore_form
from airflow_provider_stash.dags.hooks import PostHook, attach_after, chain_before, described
from airflow_provider_stash.dags.metrics import Metrics
from airflow_provider_stash.dags.notify import add_callbacks
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
from airflow_provider_stash.steps.backup import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.bases.notifier import BaseNotifier

    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
    from airflow_provider_stash.workloads.base import Workload


def etcd_restore_dag(
    dag_id: str,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    workload: Workload,
    execution: KubernetesJob | str | None = None,
    hostname: str = STASH_HOST,
    confirm: bool = True,
    approval: bool = False,
    approval_timeout: timedelta | None = None,
    work_dir: str | None = None,
    etcd_tools: str | None = None,
    rehearse: bool = True,
    bump_revision: str | int = "auto",
    health_timeout: float = 120.0,
    keep_restores: int = 3,
    keep_days: float = 14.0,
    queue: str | None = None,
    pre_restore: Sequence[BaseOperator] = (),
    post_restore: Sequence[PostHook | BaseOperator] = (),
    metrics: Metrics | None = None,
    notify: Sequence[BaseNotifier] = (),
    dag_kwargs: Mapping[str, Any] | None = None,
) -> DAG:
    """
    Make the DAG that restores one etcd cluster; it has no schedule and is triggered by hand, with a form.

    Everything is checked before a member is stopped. Any failure after that puts the old data back and
    starts the members again, by itself.

    :param dag_id: the DAG's id.
    :param etcd_conn_id: the etcd connection; none of its members needs to be alive.
    :param repository_conn_id: the restic connection.
    :param workload: where the members run, such as a ``ProcessWorkload``.
    :param execution: where the snapshot is chosen and fetched and the restored cluster verified: ``worker`` (the
        default), ``kubernetes`` or a ``KubernetesJob``, as in ``etcd_backup``. For a ``ProcessWorkload`` the
        worker fetches it in any case: its members are filled from that file.
    :param hostname: the restic host whose snapshots are meant, unless the form says otherwise.
    :param confirm: whether a restore that is no dry run needs the etcd connection's id typed into the form (by the
        API: ``confirm`` in ``conf``).
    :param approval: whether a person is asked before anything is stopped, unless the form says otherwise.
    :param approval_timeout: how long to wait for the answer; None: for ever.
    :param work_dir: where the snapshot is downloaded to; None: the system's temporary directory.
    :param etcd_tools: directory or path of etcdutl (or etcdctl); None: PATH.
    :param rehearse: start a throw-away etcd on the downloaded data first, where there is an ``etcd`` program.
    :param bump_revision: how far revisions move on, unless the form says otherwise: ``auto``, ``off``, a number.
    :param health_timeout: seconds for all members to be healthy after the start.
    :param keep_restores: how many restores' old data stay, this one included.
    :param keep_days: old data of a restore longer ago than this goes.
    :param queue: Airflow queue of the worker on the members' host; None: the default.
    :param pre_restore: operators to run before the members are stopped, one after another.
    :param post_restore: operators or ``PostHook``s to run after.
    :param metrics: where the session's metrics go; None: nowhere.
    :param notify: Airflow notifiers that tell of each failure, and of a success after one; see docs/alerts.md.
    :param dag_kwargs: further arguments of the ``DAG``; ``dagrun_timeout`` is refused: it would forbid the way back.
    """
    given = dict(dag_kwargs or {})
    if given.pop("dagrun_timeout", None) is not None:
        from airflow_provider_stash.exceptions import InvalidConfigurationError

        raise InvalidConfigurationError(
            "A restore DAG can have no dagrun_timeout: Airflow ends such a run without its teardown, the roll-back. "
            "Set execution_timeout in default_args instead."
        )
    arguments: dict[str, Any] = {
        "schedule": None,
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": False,
        "tags": ["stash", "restore", "etcd"],
        "doc_md": _doc(etcd_conn_id, repository_conn_id, confirm=confirm),
        **given,
    }
    what = f"Restore of {etcd_conn_id} from {repository_conn_id}"
    arguments = add_callbacks(arguments, notify, what=what, proof_task_id="verify", repeat=True)
    on_host: dict[str, Any] = {"workload": workload, **({"queue": queue} if queue else {})}
    with DAG(dag_id, **arguments) as dag:
        param: Callable[[str], Any] = dag.param
        resolve = ResolveSnapshotOperator(
            task_id="resolve_snapshot",
            restic_conn_id=repository_conn_id,
            snapshot=param("snapshot"),
            before=param("before"),
            hostname=param("hostname"),
            execution=execution,
            pre_execute=require_confirmation(etcd_conn_id) if confirm else None,
        )
        chosen: Any = resolve.output
        fetch = FetchSnapshotOperator(
            task_id="fetch_snapshot",
            etcd_conn_id=etcd_conn_id,
            restic_conn_id=repository_conn_id,
            snapshot=chosen,
            work_dir=work_dir,
            etcd_tools=etcd_tools,
            rehearse=rehearse,
            bump_revision=param("bump_revision"),
            execution=execution if workload.fills_from_repository else None,
            **on_host,
        )
        plan: Any = fetch.output
        from airflow_provider_stash.operators.approval import RestoreApprovalOperator

        approve = RestoreApprovalOperator(
            task_id="approve",
            plan=plan,
            etcd_conn_id=etcd_conn_id,
            ask=param("approval"),
            plan_only=param("dry_run"),
            response_timeout=approval_timeout,
        )
        fill = FillMembersOperator(
            task_id="fill_members", plan=plan, restic_conn_id=repository_conn_id, **on_host
        )
        stop = StopMembersOperator(task_id="stop_members", **on_host)
        start = StartMembersOperator(task_id="start_members", **on_host)
        verify = VerifyRestoreOperator(
            task_id="verify", plan=plan, etcd_conn_id=etcd_conn_id, timeout=health_timeout, execution=execution,
            **on_host,
        )  # fmt: skip
        order = [fill, stop] if workload.fills_while_running else [stop, fill]
        last = chain_before(pre_restore, dag, [approve])
        last >> order[0] >> order[1] >> start >> verify
        data = [resolve, fetch, approve, *pre_restore, *order, start, verify]
        # The run's outcome is that of the data tasks, whatever the tasks after them did.
        verify >> EmptyOperator(task_id="outcome")
        roll_back = RollBackOperator(
            task_id="roll_back", verify_task_id=verify.task_id, etcd_conn_id=etcd_conn_id, retries=2,
            retry_delay=timedelta(seconds=10), **on_host,
        )  # fmt: skip
        clean = CleanUpRestoreOperator(
            task_id="clean_up", work_dir=work_dir, keep_restores=keep_restores, keep_days=keep_days, **on_host
        )
        [*order, start, verify] >> roll_back.as_teardown()
        after = attach_after(
            post_restore,
            dag,
            data,
            host=verify,
            before=pre_restore,
            session=described("RestoreSession", dag_id, etcd_conn_id),
        )
        [roll_back, *after] >> clean.as_teardown()
        if metrics is not None:
            metrics.push_after(
                [roll_back, *after],
                data=data,
                host=verify,
                session="restore",
                etcd_conn_id=etcd_conn_id,
                restic_conn_id=repository_conn_id,
                hostname="{{ params.hostname }}",
            )
    phrase = etcd_conn_id if confirm else None
    add_form(dag, restore_form(hostname, approval, bump_revision, phrase=phrase))
    return dag


def _doc(etcd_conn_id: str, repository_conn_id: str, *, confirm: bool) -> str:
    typed = f", type `{etcd_conn_id}` into the last field" if confirm else ""
    return f"""
Restores the etcd cluster of the connection `{etcd_conn_id}` from the restic repository of the connection
`{repository_conn_id}`. **What is in the cluster is replaced by the snapshot.**

1. *Trigger*. `latest` is the newest snapshot; or give the beginning of an id, or a time under *Before*.
2. Unsure? *Dry run*: all is downloaded, checked and tried, the task `approve` tells what would be lost, and nothing is
   stopped.
3. To restore{typed} and trigger. With *Ask before the stop* it waits at `approve` (*Required Actions*).
4. Green: every member is healthy, holds the same keys, at the revision promised.
   Red: the log of the first red task says why. If members had been stopped, `roll_back` has put the old data back and
   started them again; its log tells of each member.

No member needs to be alive. The old data stays beside the new: `<data dir>/.stash/<restore>/old`.
"""
