"""``render``: what DAGs and tasks manifests give, and where every field of them goes."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.cli.console import Columns, Exit, dump, show, tell, verb, write
from airflow_provider_stash.dags.manifest_session import ManifestSettings
from airflow_provider_stash.dags.manifests import build_all
from airflow_provider_stash.resources import DagPlan, Refusal, load, plan_all

if TYPE_CHECKING:
    from airflow.sdk import DAG

_TASKS: Columns = {
    "task": "task",
    "operator": "operator",
    "after": "after",
}
_FIELDS: Columns = {
    "field": "field",
    "value": lambda row: _short(row["value"]),
    "where it went": "place",
}
_LONGEST_VALUE = 40


@verb
def render(args: Namespace) -> Exit | None:
    """Show the DAGs of manifests; exit code 1 when anything in them is refused."""
    manifests = load(*args.paths)
    dags, refusals = build_all(manifests, ManifestSettings(execution=args.execution))
    plans, _ = plan_all(manifests)
    rendered = [_dag(plan, dags) for plan in plans]
    if args.output == "table":
        for one in rendered:
            _show_dag(args, one)
    else:
        dump({"dags": rendered, "refusals": [_refusal(one) for one in refusals]}, args.output)
    for refusal in refusals:
        tell(str(refusal))
    count = sum(bool(one["tasks"]) for one in rendered)
    tell(f"{count} of {len(rendered)} sessions give DAGs; {len(refusals)} refusals.")
    return Exit.FAILED if refusals else None


def _dag(plan: DagPlan, dags: Mapping[str, DAG]) -> dict[str, Any]:
    dag = dags.get(plan.dag_id)
    return {
        "dag": plan.dag_id,
        "kind": plan.kind,
        "namespace": plan.namespace,
        "name": plan.name,
        "file": plan.file,
        "line": plan.line,
        "schedule": plan.schedule,
        "paused": plan.paused,
        "tags": plan.tags,
        "connections": [
            {"id": one.conn_id, "type": one.conn_type, "in_manifests": one.in_manifests}
            for one in plan.connections
        ],
        "tasks": [
            {
                "task": task.task_id,
                "operator": type(task).__name__,
                "after": sorted(task.upstream_task_ids),
            }
            for task in (dag.topological_sort() if dag else ())
        ],
        "fields": [{"field": one.field, "value": one.value, "place": one.place} for one in plan.fields],
    }


def _refusal(one: Refusal) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "object": one.object,
        "field": one.field,
        "sentence": one.sentence,
    }


def _show_dag(args: Namespace, one: Mapping[str, Any]) -> None:
    paused = ", paused" if one["paused"] else ""
    write(f"{one['dag']} ({one['schedule'] or 'by hand'}{paused})")
    write(f"from {one['kind']} {one['namespace']}/{one['name']}, {one['file']}:{one['line']}")
    for connection in one["connections"]:
        where = (
            "" if connection["in_manifests"] else ", which must be in Airflow: the manifests don't have it"
        )
        write(f"connection {connection['id']} ({connection['type']}){where}")
    write("")
    show(args, one["tasks"], _TASKS)
    show(args, one["fields"], _FIELDS)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
