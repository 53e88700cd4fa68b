"""Word of a DAG's failure, once, and of its recovery (Stash's users have alerts for it)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.operators.base import task_states

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.notifier import BaseNotifier

log = logging.getLogger(__name__)


def add_callbacks(
    arguments: Mapping[str, Any],
    notify: Sequence[BaseNotifier],
    *,
    what: str,
    proof_task_id: str,
    repeat: bool = False,
) -> dict[str, Any]:
    """
    Add the DAG callbacks that tell of a failure and of the recovery to a DAG's arguments.

    They run in the DAG processor, so that a run is told of whose worker was lost, or which took too long.

    :param arguments: of the DAG; callbacks of the user's stay.
    :param notify: by which to tell; empty: nothing is added.
    :param what: the subject of the sentences, such as ``Backup of etcd_prod to restic_prod``.
    :param proof_task_id: the task whose success proves recovery: a run that skipped it proves nothing.
    :param repeat: tell of each failure, also of one that follows another.
    """
    if not notify:
        return dict(arguments)
    # A DAG file pays for what it imports.
    from airflow_provider_stash.notifications import check_notifiers

    notifiers = check_notifiers(notify)

    def failed(context: Context) -> None:
        _tell_failure(notifiers, context, what, repeat=repeat)

    def succeeded(context: Context) -> None:
        _tell_recovery(notifiers, context, what, proof_task_id)

    return {
        **arguments,
        "on_failure_callback": [*_callbacks(arguments.get("on_failure_callback")), failed],
        "on_success_callback": [*_callbacks(arguments.get("on_success_callback")), succeeded],
    }


def _callbacks(given: Any) -> list[Callable[[Context], Any]]:
    if given is None:
        return []
    return list(given) if isinstance(given, Sequence) else [given]


def _tell_failure(notifiers: Sequence[BaseNotifier], context: Context, what: str, *, repeat: bool) -> None:
    from airflow_provider_stash.notifications import Memory, Word, tell

    dag_id, run_id = _run(context)
    memory = Memory(dag_id)
    told = memory.read()
    if told and not repeat:
        log.info("%s failed again, in run %s; told of run %s", what, run_id, told["run_id"])
        return
    tasks = _failed_tasks(context)
    reason = f"Failed tasks: {', '.join(tasks)}." if tasks else f"Airflow says: {context.get('reason')}."
    text = (
        f"{what} failed in run {run_id} of DAG {dag_id}. {reason} The log of the first failed task says what to "
        "do."
    )
    if not repeat:
        text += " You will be told when it works again, and not of further failures until then."
    tell(notifiers, context, Word("failed", f"{what} failed", text, dag_id, run_id))
    memory.write(told or {"run_id": run_id}, before=told)


def _tell_recovery(
    notifiers: Sequence[BaseNotifier], context: Context, what: str, proof_task_id: str
) -> None:
    from airflow_provider_stash.notifications import Memory, Word, tell

    dag_id, run_id = _run(context)
    memory = Memory(dag_id)
    told = memory.read()
    if not told or task_states(context, [proof_task_id]).get(proof_task_id) != "success":
        return
    text = f"{what} works again: run {run_id} of DAG {dag_id} succeeded. It had failed since run {told['run_id']}."
    tell(notifiers, context, Word("recovered", f"{what} works again", text, dag_id, run_id))
    memory.write({}, before=told)


def _run(context: Context) -> tuple[str, str]:
    return str(context["dag"].dag_id), str(context["run_id"])


def _failed_tasks(context: Context) -> list[str]:
    """Name the tasks that failed, in the DAG's order; where Airflow has no task to tell of, none."""
    if "ti" not in context:
        return []
    order = context["dag"].task_ids
    states = task_states(context, order)
    return [task_id for task_id in order if states.get(task_id) == "failed"]
