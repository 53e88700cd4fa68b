"""When what comes after a session runs (Stash: ``executionPolicy``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import DownstreamTasksSkipped

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.base import StashOperator, task_states

if TYPE_CHECKING:
    from airflow.sdk import Context

POLICIES = ("Always", "OnSuccess", "OnFailure", "OnFinalRetryFailure")
_BAD = {"failed", "upstream_failed"}


def check_policy(policy: str, where: str) -> None:
    """
    Refuse what is no execution policy.

    :raises InvalidConfigurationError: with the names that there are.
    """
    if policy not in POLICIES:
        raise InvalidConfigurationError(f"{where}: {policy!r}: give one of {', '.join(POLICIES)}.")


@dataclass(frozen=True)
class SessionTasks:
    """
    The tasks that are a session.

    :param data_task_ids: in order; their states decide whether it succeeded.
    :param host_task_id: the one of them without which there was no session, such as ``backup`` or ``verify``.
    :param before_task_ids: hooks before the session, or other tasks of that place.
    """

    data_task_ids: tuple[str, ...] = ()
    host_task_id: str | None = None
    before_task_ids: tuple[str, ...] = ()

    def states(self, context: Context) -> dict[str, str]:
        """Look up the states of these tasks in this run."""
        return task_states(context, [*self.data_task_ids, *self.before_task_ids])

    def failed(self, states: Mapping[str, str]) -> bool:
        """Tell whether the session failed."""
        return bool(_BAD & {states.get(task_id) for task_id in self.data_task_ids})

    def first_failed(self, states: Mapping[str, str]) -> str | None:
        """Give the first task that failed by itself."""
        return next((one for one in self.data_task_ids if states.get(one) == "failed"), None)

    def reason_to_skip(self, states: Mapping[str, str], policy: str) -> str | None:
        """
        Tell why what has this policy does not run; None: it runs.

        As in Stash nothing runs after a session whose hook before it failed, and the policy is looked at when the
        last retry has failed: Airflow retries tasks, not runs.
        """
        for task_id in self.before_task_ids:
            if states.get(task_id) != "success":
                return f"{task_id} did not succeed: nothing runs after a session whose hook before it failed."
        failed = self.failed(states)
        if not failed and self.host_task_id and states.get(self.host_task_id) != "success":
            return f"{self.host_task_id} was skipped: there was no session."
        if policy == "Always" or failed == (policy != "OnSuccess"):
            return None
        return f"The session {'failed' if failed else 'succeeded'}, and the policy is {policy}."


class ChooseAfterSessionOperator(StashOperator):
    """
    Skips the tasks right after it whose policy does not hold.

    :param session: the session's tasks.
    :param policies: the execution policy of each task after it, by the task's id.
    """

    def __init__(self, *, session: SessionTasks, policies: Mapping[str, str], **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        self.session = session
        self.policies = dict(policies)

    def run_step(self, context: Context) -> None:
        states = self.session.states(context)
        skipped = []
        for task_id, policy in self.policies.items():
            reason = self.session.reason_to_skip(states, policy)
            if reason:
                self.log.info("%s is skipped: %s", task_id, reason)
                skipped.append(task_id)
        if skipped:
            raise DownstreamTasksSkipped(tasks=skipped)
