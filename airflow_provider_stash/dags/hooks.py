"""Tasks around a session (Stash: hooks, ``executionPolicy``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator


@dataclass(frozen=True)
class PostHook:
    """
    A task after the session.

    :param operator: any operator; it may have been made outside a DAG.
    :param execution_policy: ``Always``, ``OnSuccess``, ``OnFailure`` or ``OnFinalRetryFailure``, as in Stash; None:
        that of a ``StashHookOperator``'s handler, else ``Always``.
    """

    operator: BaseOperator
    execution_policy: str | None = None

    def __post_init__(self) -> None:
        if self.execution_policy is not None:
            from airflow_provider_stash.operators.policy import check_policy

            check_policy(self.execution_policy, f"Execution policy of task {self.operator.task_id}")


def described(kind: str, dag_id: str, etcd_conn_id: str) -> dict[str, Any]:
    """
    Describe the session of a DAG that comes from no manifest, for hooks' templates.

    :param kind: ``BackupConfiguration`` or ``RestoreSession``.
    """
    return {
        "namespace": "default",
        "invoker": {"apiGroup": "stash.appscode.com", "kind": kind, "name": dag_id},
        "target": {
            "apiVersion": "appcatalog.appscode.com/v1alpha1",
            "kind": "AppBinding",
            "name": etcd_conn_id,
            "namespace": "default",
        },
    }


def chain_before(
    operators: Sequence[BaseOperator], dag: DAG, first: Sequence[BaseOperator]
) -> list[BaseOperator]:
    """
    Put tasks one after another behind ``first``; gives what comes last.

    :param operators: the tasks, in order.
    """
    last = list(first)
    for operator in operators:
        _adopt(operator, dag)
        last >> operator
        last = [operator]
    return last


def attach_after(
    hooks: Sequence[PostHook | BaseOperator],
    dag: DAG,
    data_tasks: Sequence[BaseOperator],
    *,
    host: BaseOperator,
    before: Sequence[BaseOperator] = (),
    session: Mapping[str, Any],
) -> list[BaseOperator]:
    """
    Put tasks after the session's data tasks, each by its policy; gives the tasks.

    A ``StashHookOperator`` decides by itself; before others comes a task that skips those whose policy does not
    hold: no trigger rule knows what a failure before the session means.

    :param hooks: hooks, or operators alone.
    :param data_tasks: the session's tasks, in order.
    :param host: the one of them without which there was no session.
    :param before: those that run before the session: unless all of them succeed, none runs after.
    :param session: what the hooks' templates see, unless they tell it themselves, see ``StashHookOperator``.
    """
    if not hooks and not before:
        return []
    # A DAG file pays for what it imports; most DAGs have no hooks.
    from airflow_provider_stash.operators.hook import StashHookOperator
    from airflow_provider_stash.operators.policy import ChooseAfterSessionOperator, SessionTasks

    tasks = SessionTasks(
        tuple(task.task_id for task in data_tasks), host.task_id, tuple(task.task_id for task in before)
    )
    for operator in before:
        if isinstance(operator, StashHookOperator):
            operator.attach(tasks, session, before=True)
    attached: list[BaseOperator] = []
    policies: dict[BaseOperator, str] = {}
    for hook in hooks:
        one = hook if isinstance(hook, PostHook) else PostHook(hook)
        operator = one.operator
        _adopt(operator, dag)
        attached.append(operator)
        if isinstance(operator, StashHookOperator):
            operator.attach(tasks, session, execution_policy=one.execution_policy)
            list(data_tasks) >> operator
        else:
            policies[operator] = one.execution_policy or "Always"
    if policies:
        choose = ChooseAfterSessionOperator(
            task_id="choose_after_session",
            session=tasks,
            policies={operator.task_id: policy for operator, policy in policies.items()},
        )
        list(data_tasks) >> choose >> list(policies)
    return attached


def _adopt(operator: BaseOperator, dag: DAG) -> None:
    if not operator.has_dag():
        operator.dag = dag
