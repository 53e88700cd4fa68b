"""What all operators here share: errors that need no retry, and an end when the task is killed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from airflow_provider_stash.attempts import tell_attempt
from airflow_provider_stash.exceptions import InvalidConfigurationError, StashError

if TYPE_CHECKING:
    from airflow.sdk import Context

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off", "none", ""}


class TaskKilled(BaseException):
    """
    Raised in the task by ``on_kill``: every ``finally`` of the step runs, restic is stopped, files go.

    No ``Exception``, so that nothing on the way takes it for a failure that it knows how to handle.
    """


class StashOperator(BaseOperator):
    """Runs one step; an error that a retry can't mend fails the task at once."""

    _running = False

    def execute(self, context: Context) -> Any:
        return self.guarded(context, lambda: self.run_step(context))

    def guarded(self, context: Context, work: Callable[[], Any]) -> Any:
        """Do work that ``on_kill`` ends, and whose errors tell whether a retry makes sense."""
        self._running = True
        tell_attempt(context)
        try:
            return work()
        except StashError as error:
            tell_attempt(context, str(error))
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error
        except AirflowTaskTimeout as error:
            tell_attempt(context, str(error) or "The task took too long.")
            raise
        finally:
            self._running = False

    @abstractmethod
    def run_step(self, context: Context) -> Any:
        """Do the step; what it returns goes to XCom."""

    def on_kill(self) -> None:
        if self._running:  # after a time-out the step has ended already
            raise TaskKilled(f"Task {self.task_id} was killed: its step is being stopped.")


def key_of(context: Context) -> str:
    """Give the key of the restore that a task belongs to: one a run, and in it one a group of tasks."""
    from airflow_provider_stash.workloads.base import restore_key

    ti = context["ti"]
    return restore_key(ti.dag_id, ti.run_id, group=ti.task_id.rpartition(".")[0])


def task_states(context: Context, task_ids: Sequence[str]) -> dict[str, str]:
    """
    Look up the states of tasks of this run.

    :param task_ids: which.
    :return: state by task id; a task that has none yet is left out.
    """
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(task_ids), run_ids=[ti.run_id])
    return {
        task_id: str(getattr(state, "value", state))
        for task_id, state in states.get(ti.run_id, {}).items()
        if state is not None
    }


def as_bool(value: bool | str | None, name: str) -> bool:
    """
    Read a truth value that may have come from a template.

    :param name: of the parameter, for the error.
    :raises InvalidConfigurationError: it is neither.
    """
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidConfigurationError(f"{name} is {value!r}: give true or false.")


def as_list(value: Sequence[str] | None, name: str) -> list[str]:
    """
    Read a list of texts that may have come from a template; a bare text would be taken for its letters.

    :param name: of the parameter, for the error.
    :raises InvalidConfigurationError: it is none.
    """
    if value is None:
        return []
    # Airflow's own lazy lists, of mapped tasks, are sequences and no more.
    texts = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if not texts or not all(isinstance(one, str) for one in value):
        raise InvalidConfigurationError(f'{name} is {value!r}: give a list of texts, such as ["one"].')
    return list(value)
