"""Verbs on a repository's keys: list, add, update, remove."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_stash.cli.console import confirm, fail, recorded_verb, show, tell, verb
from airflow_provider_stash.cli.repositories import repository_of
from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow_provider_stash.restic.keys import Key


@verb
def list_(args: Namespace) -> None:
    """List the keys of a repository."""
    from airflow_provider_stash.restic.keys import list_keys

    _show(args, list_keys(repository_of(args.conn_id)))


@recorded_verb
def add(args: Namespace) -> None:
    """Let a further password open a repository."""
    from airflow_provider_stash.restic.keys import add_key, list_keys

    repository = repository_of(args.conn_id)
    password = _new_password(args.new_password_file)
    before = {key.id for key in list_keys(repository)}
    add_key(repository, password, user=args.user, host=args.host, lock_timeout=args.lock_timeout)
    tell(f"The new password opens {repository.redacted_location}, beside those that did.")
    _show(args, [key for key in list_keys(repository) if key.id not in before])


@recorded_verb
def update(args: Namespace) -> None:
    """Change the password that the connection has, in the repository and in the connection."""
    from airflow_provider_stash.restic.keys import change_password, list_keys

    repository = repository_of(args.conn_id)
    stored = _is_in_database(args.conn_id)
    confirm(
        args,
        f"The password of {args.conn_id} will open {repository.redacted_location} no more. "
        + (
            "The connection in Airflow's database gets the new one; other places that hold it must be changed by hand."
            if stored
            else "The connection is not in Airflow's database: give it the new one right afterwards, where it is kept; "
            "backups fail until then."
        ),
    )
    password = _new_password(args.new_password_file)
    change_password(repository, password, lock_timeout=args.lock_timeout)
    if stored:
        _store(args.conn_id, password)
        tell(f"Changed, in the repository and in the connection {args.conn_id}.")
    else:
        tell(f"Changed. Now give the connection {args.conn_id} the new password.")
    _show(args, [key for key in list_keys(replace(repository, password=password)) if key.current])


@recorded_verb
def remove(args: Namespace) -> None:
    """Remove a key: its password opens the repository no more."""
    from airflow_provider_stash.restic.keys import list_keys, remove_key

    repository = repository_of(args.conn_id)
    fitting = [key for key in list_keys(repository) if args.key_id and key.id.startswith(args.key_id.lower())]
    if len(fitting) != 1:
        fail(
            f"{len(fitting) or 'No'} keys of {repository.redacted_location} begin with {args.key_id!r}, where one is "
            "wanted. 'airflow stash key list' tells them."
        )
    (key,) = fitting
    if key.current:
        fail("That is the key which the connection's password opens; use 'airflow stash key update'.")
    confirm(
        args,
        f"The password of the key {key.id[:8]} ({key.user}@{key.host}, {key.created}) will open "
        f"{repository.redacted_location} no more.",
    )
    remove_key(repository, key.id, lock_timeout=args.lock_timeout)
    _show(args, [key])


def _show(args: Namespace, keys: Sequence[Key]) -> None:
    rows = [
        {"id": key.id, "current": key.current, "user": key.user, "host": key.host, "created": key.created}
        for key in keys
    ]
    show(
        args,
        rows,
        {
            "key": lambda row: row["id"][:8],
            "the connection's": "current",
            "user": "user",
            "host": "host",
            "created": "created",
        },
    )


def _new_password(file: str | None) -> str:
    """Read the new password: from a file, standard input, or the person at the terminal, twice."""
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if file is not None:
        try:
            return Path(file).read_text().rstrip("\r\n")
        except OSError as error:
            raise InvalidConfigurationError(f"{file} can't be read: {error.strerror}.") from error
    first = getpass.getpass("New password: ")
    if first != getpass.getpass("The same again: "):
        raise InvalidConfigurationError("The two are not the same; nothing was changed.")
    return first


def _is_in_database(conn_id: str) -> bool:
    """Tell whether the connection's password is in Airflow's database, and not hidden by another place."""
    from airflow.models import Connection
    from airflow.sdk import BaseHook
    from airflow.secrets.metastore import MetastoreBackend

    stored = MetastoreBackend().get_connection(conn_id)
    if not isinstance(stored, Connection):
        return False
    # Secrets backends and the environment come first.
    used = BaseHook.get_connection(conn_id)
    return (used.host, used.password) == (stored.host, stored.password)


def _store(conn_id: str, password: str) -> None:
    try:
        _store_password(conn_id, password)
    except Exception as error:  # noqa: BLE001 - the person must be told that half of it is done
        # SQLAlchemy's own words hold the statement's values; the database's, in orig, don't.
        reason = getattr(error, "orig", None) or type(error).__name__
        fail(
            f"The repository has the new password, but the connection {conn_id} has not ({reason}). Give it the new "
            "password by hand: backups fail until then."
        )


def _store_password(conn_id: str, password: str) -> None:
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        connection = session.scalars(select(Connection).where(Connection.conn_id == conn_id)).one()
        connection.set_password(password)
