"""Verbs on sessions: trigger, pause, resume."""

from __future__ import annotations

import difflib
import getpass
import json
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.cli.console import Exit, confirm, fail, recorded_verb, show, tell
from airflow_provider_stash.dags.forms import CONFIRM
from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow.serialization.definitions.param import SerializedParamsDict

_LOOK_SECONDS = 1.0
_OVER = {"success", "failed"}
_JSON_TYPES = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object",
}  # fmt: skip


@recorded_verb
def trigger(args: Namespace) -> Exit | None:
    """Run a DAG now, as ``airflow dags trigger`` does; and wait for its end, if asked."""
    from airflow.api.client import get_current_api_client

    paused = _find_dags([args.dag_id])[args.dag_id]
    form = _form_of(args.dag_id)
    conf = _fill_in(args.dag_id, form, args.param or ())
    if conf.get("dry_run") is not True and _restores(args.dag_id):
        _require_phrase(form, conf)
        confirm(args, f"{args.dag_id} restores: members of etcd will be stopped, and their data replaced.")
    run = get_current_api_client().trigger_dag(
        dag_id=args.dag_id, conf=conf, triggering_user_name=getpass.getuser()
    )
    assert run is not None
    run_id = run["dag_run_id"]
    if paused:
        tell(f"{args.dag_id} is paused: the run waits until 'airflow stash resume {args.dag_id}'.")
    state = str(getattr(run["state"], "value", run["state"]))
    if args.wait:
        state = _wait(args.dag_id, run_id)
    show(
        args,
        [{"dag": args.dag_id, "run": run_id, "state": state, "params": conf}],
        {"dag": "dag", "run": "run", "state": "state"},
    )
    if args.wait and state != "success":
        tell(f"airflow stash debug {args.dag_id} {run_id}: shows what to look at.")
        return Exit.FAILED
    return None


def _form_of(dag_id: str) -> SerializedParamsDict:
    from airflow.models.serialized_dag import SerializedDagModel

    dag = SerializedDagModel.get_dag(dag_id)
    if dag is None:
        fail(f"Airflow has not read {dag_id!r} yet; 'airflow dags list-import-errors' tells when it can't.")
    return dag.params


def _fill_in(dag_id: str, form: SerializedParamsDict, texts: Sequence[str]) -> dict[str, Any]:
    """Fill in a DAG's form; ends the program when it does not fit, before anybody is asked anything."""
    from airflow.sdk.exceptions import ParamValidationError

    try:
        conf = parse_params(texts, {name: param.schema for name, param in form.items()})
        form.deep_merge(conf).validate()
    except InvalidConfigurationError as error:
        fail(str(error), Exit.USAGE)
    except (ParamValidationError, ValueError) as error:  # Airflow 3.2 raises the latter
        # Further lines show the schema.
        fail(f"{dag_id} does not take that: {str(error).splitlines()[0]}")
    return conf


def _require_phrase(form: SerializedParamsDict, conf: Mapping[str, Any]) -> None:
    """End the program when a restore's form wants a name typed, and it is not: the first task would refuse."""
    if CONFIRM in form and not conf.get(CONFIRM, form[CONFIRM]):
        about = form.get_param(CONFIRM).description or ""
        fail(
            f"Nothing was done: the restore's field {CONFIRM!r} is empty. {about} Here: -p {CONFIRM}=NAME, or "
            "-p dry_run=true.",
            Exit.NOT_CONFIRMED,
        )


def parse_params(texts: Sequence[str], form: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """
    Read ``NAME=VALUE``: a value that is JSON is what it says, any other is text.

    An id such as ``12345678`` is JSON too: it stays text for a field of text.

    :param form: the schema of each field of the DAG's form; a DAG without any takes what it is given.
    :raises InvalidConfigurationError: there is no name or no ``=``, or the form has no such field.
    """
    params: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidConfigurationError(f"--param {text!r}: write it as NAME=VALUE.")
        if form and name not in form:
            near = difflib.get_close_matches(name, form, n=1)
            meant = f"is {near[0]!r} meant?" if near else f"its fields are {', '.join(form)}."
            raise InvalidConfigurationError(f"--param {text!r}: the form has no field {name!r}; {meant}")
        params[name] = _read_value(value, form.get(name, {}))
    return params


def _read_value(text: str, schema: Mapping[str, Any]) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    types = schema.get("type", ())
    types = {types} if isinstance(types, str) else set(types)
    kind = _JSON_TYPES[type(value)]
    fits = kind in types or (kind == "integer" and "number" in types)
    return text if "string" in types and not fits else value


@recorded_verb
def pause(args: Namespace) -> None:
    """Pause DAGs: no new session is scheduled."""
    _set_paused(args, paused=True)


@recorded_verb
def resume(args: Namespace) -> None:
    """Resume paused DAGs."""
    _set_paused(args, paused=False)


def _set_paused(args: Namespace, *, paused: bool) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    before = _find_dags(args.dag_ids)
    with create_session() as session:
        for dag in session.scalars(select(DagModel).where(DagModel.dag_id.in_(before))):
            dag.is_paused = paused
    show(
        args,
        [{"dag": dag_id, "paused": paused, "before": before[dag_id]} for dag_id in args.dag_ids],
        {
            "dag": "dag",
            "paused": "paused",
            "before": "before",
        },
    )


def _find_dags(dag_ids: list[str]) -> dict[str, bool]:
    """Tell whether DAGs are paused; ends the program when one is not known."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        known = {
            dag_id: bool(paused)
            for dag_id, paused in session.execute(select(DagModel.dag_id, DagModel.is_paused))
        }
    missing = [dag_id for dag_id in dag_ids if dag_id not in known]
    if missing:
        near = difflib.get_close_matches(missing[0], known, n=1)
        fail(
            f"There is no DAG {missing[0]!r}"
            + (f"; is {near[0]!r} meant?" if near else "; 'airflow dags list' tells which there are.")
        )
    return {dag_id: known[dag_id] for dag_id in dag_ids}


def _restores(dag_id: str) -> bool:
    """Tell whether a DAG has the tag that restore DAGs have."""
    from airflow.models.dag import DagTag
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        tags = session.scalars(select(DagTag.name).where(DagTag.dag_id == dag_id)).all()
    return "restore" in tags


def _wait(dag_id: str, run_id: str) -> str:
    """Tell of each task's state as it changes, until the run is over; gives the run's state."""
    told: dict[str, str] = {}
    while True:
        # The run is read before its tasks: what is told last is then how they ended.
        run_state, tasks = _states(dag_id, run_id)
        for task, state in tasks.items():
            if state != told.get(task) and state != "None":
                tell(f"{task}: {state}")
        told = tasks
        if run_state in _OVER:
            return run_state
        time.sleep(_LOOK_SECONDS)


def _states(dag_id: str, run_id: str) -> tuple[str, dict[str, str]]:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run_state = session.scalars(
            select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        ).one()
        tasks = session.execute(
            select(TaskInstance.task_id, TaskInstance.state).where(
                TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id
            )
        ).all()
    return _text(run_state), {task: _text(state) for task, state in tasks}


def _text(state: Any) -> str:
    return str(getattr(state, "value", state))
