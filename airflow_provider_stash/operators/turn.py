"""Whose turn it is in a batch whose members are restored one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.operators.base import StashOperator, as_bool
from airflow_provider_stash.operators.policy import SessionTasks

if TYPE_CHECKING:
    from airflow.sdk import Context


class NextMemberOperator(StashOperator):
    """
    Gives the next member its turn; fails instead, so that no further one is touched, where the one before it failed.

    :param member: the name of the one before it.
    :param data_task_ids: its tasks.
    :param go_on: give the next one its turn in any case. (templated)
    """

    template_fields: Sequence[str] = ("go_on",)

    def __init__(
        self, *, member: str, data_task_ids: Sequence[str], go_on: bool | str = False, **kwargs: Any
    ) -> None:
        kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        self.member = member
        self.tasks = SessionTasks(tuple(data_task_ids))
        self.go_on = go_on

    def run_step(self, context: Context) -> None:
        states = self.tasks.states(context)
        if not self.tasks.failed(states):
            return
        task = self.tasks.first_failed(states)
        what = f"The member {self.member} failed{f' ({task})' if task else ''}"
        if as_bool(self.go_on, "go_on"):
            self.log.warning("%s; the next one has its turn all the same, as the form says.", what)
            return
        raise AirflowFailException(
            f"{what}: the members behind it are left as they are. Look at it first; then trigger a new run, with the "
            "members that are done turned off. 'Go on after a failure' in the form goes on in any case."
        )
