"""``import``: the AppBindings and Repositories of manifests as Airflow connections."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.cli.console import Columns, Exit, confirm, recorded_verb, show, tell, write
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.resources import Manifests, load, plan_all
from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.connections import etcd_connection, restic_connection
from airflow_provider_stash.resources.plan import ConnectionPlan
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.restic.repository import redact_location

_COLUMNS: Columns = {
    "connection": "connection",
    "type": "type",
    "host": "host",
    "login": "login",
    "secrets": "secrets",
    "from": "from",
    "will be": "action",
}


@dataclass(frozen=True)
class Found:
    """
    A connection made from manifests.

    :param plan: the object that it stands for.
    :param fields: ``conn_type``, ``host``, ``login``, ``password``, ``extra``.
    """

    plan: ConnectionPlan
    fields: Mapping[str, Any]


@recorded_verb
def import_(args: Namespace) -> Exit | None:
    """Show the connections, ask, and write them; or print them for a secrets backend."""
    manifests = load(*args.paths)
    found, refusals = find_connections(manifests)
    others = [str(one.object) for one in manifests.all(AppBinding) if not _is_etcds(one.object)]
    if others:
        tell(f"No etcd's by their spec.type, so no connection is made of: {', '.join(others)}.")
    for refusal in refusals:
        tell(refusal)
    if args.print:
        tell("What follows holds passwords: put it into your secrets backend, and nowhere else.")
        write(printed(found, args.print).rstrip("\n"))
    else:
        _write(args, found)
    return Exit.FAILED if refusals else None


def find_connections(manifests: Manifests) -> tuple[list[Found], list[str]]:
    """
    Make the connections that the sessions need, and those of all other Repositories and AppBindings of etcd.

    :return: the connections in the order of their ids, and what can't be done.
    """
    plans, refused = plan_all(manifests)
    refusals = [str(one) for one in refused]
    wanted = {
        (plan := ConnectionPlan(one.object.kind, one.object.namespace, one.object.name)).conn_id: plan
        for one in manifests.all(Repository, AppBinding)
        if isinstance(one.object, Repository) or _is_etcds(one.object)
    }
    # A session may say more of its connections than the objects themselves.
    wanted |= {one.conn_id: one for plan in plans for one in plan.connections if one.in_manifests}
    found = []
    for conn_id in sorted(wanted):
        plan = wanted[conn_id]
        make = etcd_connection if plan.kind == "AppBinding" else restic_connection
        try:
            found.append(Found(plan, make(manifests, plan.namespace, plan.name, **plan.options)))
        except InvalidConfigurationError as error:
            refusals.append(str(error))
    return found, list(dict.fromkeys(refusals))


def _is_etcds(binding: AppBinding) -> bool:
    return binding.spec.app_resource in {"", "etcd"}


def printed(found: Iterable[Found], form: str) -> str:
    """
    Write connections, passwords too, as a secrets backend takes them.

    :param form: ``json`` or ``yaml`` as Airflow's local file backend and ``airflow connections import`` take them,
        or ``env`` for a shell.
    """
    fields = {one.plan.conn_id: {key: value for key, value in one.fields.items() if value} for one in found}
    if form == "env":
        return "".join(
            f"AIRFLOW_CONN_{conn_id.upper()}={shlex.quote(json.dumps(one))}\n"
            for conn_id, one in fields.items()
        )
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(fields, sort_keys=False))
    return json.dumps(fields, indent=2) + "\n"


def _write(args: Namespace, found: list[Found]) -> None:
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        ids = [one.plan.conn_id for one in found]
        there = {
            one.conn_id: one for one in session.scalars(select(Connection).where(Connection.conn_id.in_(ids)))
        }
        rows = [_row(one, there.get(one.plan.conn_id)) for one in found]
        show(args, rows, _COLUMNS)
        changed = {row["connection"] for row in rows if row["action"] != "same"}
        if not changed:
            tell("There is nothing to write.")
            return
        replaced = sum(row["action"] == "replaced" for row in rows)
        confirm(
            args,
            f"{len(changed)} connections will be written to Airflow's database"
            + (f", {replaced} of them over another of the same id." if replaced else "."),
        )
        for one in found:
            if one.plan.conn_id in changed:
                connection = there.get(one.plan.conn_id) or Connection(conn_id=one.plan.conn_id)
                _fill(connection, one)
                session.add(connection)
    tell(f"Wrote {len(changed)} connections.")


def _row(one: Found, there: Any) -> dict[str, Any]:
    fields, extra = one.fields, one.fields["extra"]
    secrets = [name for name in ("password",) if fields.get(name)]
    secrets += sorted(extra.get("storage_secret") or ())
    secrets += [name for name in ("client_private_key",) if extra.get(name)]
    action = "added" if there is None else "same" if _same(there, fields) else "replaced"
    return {
        "connection": one.plan.conn_id,
        "type": fields["conn_type"],
        "host": redact_location(fields["host"]),
        "login": fields.get("login"),
        "secrets": secrets,
        "from": f"{one.plan.kind} {one.plan.namespace}/{one.plan.name}",
        "action": action,
    }


def _same(connection: Any, fields: Mapping[str, Any]) -> bool:
    return all(
        (getattr(connection, name) or None) == (fields.get(name) or None)
        for name in ("conn_type", "host", "login", "password")
    ) and connection.extra_dejson == json.loads(json.dumps(fields["extra"]))


def _fill(connection: Any, one: Found) -> None:
    connection.conn_type = one.fields["conn_type"]
    connection.host = one.fields["host"]
    connection.login = one.fields.get("login")
    connection.set_password(one.fields.get("password"))
    connection.set_extra(json.dumps(one.fields["extra"]))
    connection.description = f"Stash's {one.plan.kind} {one.plan.namespace}/{one.plan.name}"
