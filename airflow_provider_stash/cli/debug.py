"""``debug``: what to look at for a failed session."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.cli.console import fail, show, tell, verb, write

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy.orm import Session

_FAILED = {"failed", "up_for_retry"}
_NOISE = ("::group::", "::endgroup::")


@verb
def debug(args: Namespace) -> None:
    """Show a run: versions, each task's state, the last words of those that failed."""
    from airflow.utils.session import create_session

    with create_session() as session:
        run = _find_run(session, args.dag_id, args.run_id)
        instances = sorted(
            run.get_task_instances(session=session),
            key=lambda one: (one.start_date is None, one.start_date, one.task_id),
        )
        result: dict[str, Any] = {
            "dag": run.dag_id,
            "run": run.run_id,
            "state": _text(run.state),
            "versions": _versions(),
            "tasks": [_task(one, args.lines) for one in instances],
        }
    if args.output != "table":
        show(args, [result], {})
        return
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    tell(f"{result['dag']} {result['run']}: {result['state']} ({versions})")
    show(
        args,
        result["tasks"],
        {
            "task": "task",
            "state": "state",
            "try": "try",
            "host": "host",
            "seconds": "duration",
        },
    )
    for task in result["tasks"]:
        for line in task["log"]:
            write(f"{task['task']}: {line}")
    tell("What the messages mean, and what to do: docs/troubleshooting.md")


def _find_run(session: Session, dag_id: str, run_id: str | None) -> DagRun:
    """Find the run: the one named, else the last failed one, else the last."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    runs = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(1)
    if run_id is not None:
        found = session.scalars(runs.where(DagRun.run_id == run_id)).first()
    else:
        found = session.scalars(runs.where(DagRun.state == "failed")).first() or session.scalars(runs).first()
    if found is None:
        fail(
            f"{dag_id} has no run {run_id!r}."
            if run_id is not None
            else f"There is no run of {dag_id!r}. Is that its id? 'airflow dags list' tells."
        )
    return found


def _task(instance: TaskInstance, lines: int) -> dict[str, Any]:
    state = _text(instance.state)
    return {
        "task": instance.task_id,
        "state": state,
        "try": instance.try_number,
        "host": instance.hostname or None,
        "duration": None if instance.duration is None else round(instance.duration, 3),
        "log": _last_words(instance, lines) if state in _FAILED else [],
    }


def _last_words(instance: TaskInstance, lines: int) -> list[str]:
    """Read the end of a task's log, from wherever Airflow keeps it."""
    from airflow.utils.log.log_reader import TaskLogReader

    reader = TaskLogReader()
    if not reader.supports_read:
        return ["Its log can't be read from here; look at Airflow's page of the task."]
    words = []
    for record in reader.read_log_stream(instance, instance.try_number, {"end_of_log": False}):
        words += _text_of(json.loads(record))
    return words[-lines:] if lines > 0 else []


def _text_of(record: dict[str, Any]) -> list[str]:
    event = str(record.get("event") or "")
    text = [line for line in event.splitlines() if line.strip() and not line.startswith(_NOISE)]
    # The traceback itself is long; its last line says what happened.
    for error in record.get("error_detail") or ():
        text.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return text


def _versions() -> dict[str, str]:
    from airflow import __version__ as airflow

    from airflow_provider_stash import __version__

    return {"airflow": airflow, "airflow-provider-stash": __version__}


def _text(state: Any) -> str | None:
    return None if state is None else str(getattr(state, "value", state))
