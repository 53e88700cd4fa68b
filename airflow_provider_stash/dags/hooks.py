"""Tasks around a session (Stash: hooks, ``executionPolicy``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.sdk import TriggerRule

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator

_RULES = {
    "Always": TriggerRule.ALL_DONE,
    "OnSuccess": TriggerRule.NONE_FAILED,
    "OnFailure": TriggerRule.ONE_FAILED,
    # Airflow retries tasks, not runs: by the time a run has failed, the last retry has.
    "OnFinalRetryFailure": TriggerRule.ONE_FAILED,
}


@dataclass(frozen=True)
class PostHook:
    """
    A task after the session.

    :param operator: any operator; it may have been made outside a DAG.
    :param execution_policy: ``Always``, ``OnSuccess``, ``OnFailure`` or ``OnFinalRetryFailure``, as in Stash.
    """

    operator: BaseOperator
    execution_policy: str = "Always"

    def __post_init__(self) -> None:
        if self.execution_policy not in _RULES:
            raise InvalidConfigurationError(
                f"Execution policy {self.execution_policy!r} of task {self.operator.task_id!r}: "
                f"give one of {', '.join(_RULES)}."
            )


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
    hooks: Sequence[PostHook | BaseOperator], dag: DAG, data_tasks: Sequence[BaseOperator]
) -> list[BaseOperator]:
    """
    Put tasks after the session's data tasks, each by its policy; gives the tasks.

    :param hooks: hooks, or operators for the policy ``Always``.
    """
    attached = []
    for hook in hooks:
        one = hook if isinstance(hook, PostHook) else PostHook(hook)
        _adopt(one.operator, dag)
        one.operator.trigger_rule = _RULES[one.execution_policy]
        list(data_tasks) >> one.operator
        attached.append(one.operator)
    return attached


def _adopt(operator: BaseOperator, dag: DAG) -> None:
    if not operator.has_dag():
        operator.dag = dag
