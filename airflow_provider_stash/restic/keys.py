"""The keys of a repository: the passwords that open it (``restic key``)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

_NEW_PASSWORD = "--new-password-file"  # noqa: S105 - the name of a flag


@dataclass(frozen=True, slots=True)
class Key:
    """
    A key of a repository.

    :param id: restic before 0.17 tells its first 8 digits alone.
    :param current: whether the password at hand opens this one.
    :param created: as restic writes it, in the repository's host's time.
    """

    id: str
    current: bool
    user: str
    host: str
    created: str


def list_keys(repository: Repository) -> list[Key]:
    """
    List the keys.

    :raises ResticError: restic failed.
    """
    output = run(repository, ["key", "list", "--json", "--no-lock"])
    return [
        Key(one["id"], one["current"], one["userName"], one["hostName"], one["created"])
        for one in json.loads(output.stdout or "[]")
    ]


def add_key(
    repository: Repository,
    new_password: str,
    *,
    user: str | None = None,
    host: str | None = None,
    lock_timeout: float = 600.0,
) -> None:
    """
    Let a further password open the repository.

    :param user: recorded with the key; None: the user of this process.
    :param host: recorded with the key; None: this host.
    :param lock_timeout: seconds to wait while the repository is locked.
    :raises ResticError: restic failed.
    """
    arguments = ["key", "add"]
    if user:
        arguments += ["--user", user]
    if host:
        arguments += ["--host", host]
    _with_new_password(repository, arguments, new_password, lock_timeout)


def change_password(repository: Repository, new_password: str, *, lock_timeout: float = 600.0) -> None:
    """
    Put a new key in the place of the one that the password at hand opens (``restic key passwd``).

    From then on the old password opens nothing: the connection must be given the new one.

    :raises ResticError: restic failed.
    """
    _with_new_password(repository, ["key", "passwd"], new_password, lock_timeout)


def remove_key(repository: Repository, key_id: str, *, lock_timeout: float = 600.0) -> None:
    """
    Remove a key: its password opens the repository no more. restic refuses to remove the one in use.

    :raises ResticError: restic failed.
    """
    retry_when_locked(
        lambda: run(repository, ["key", "remove", key_id]), repository, lock_timeout=lock_timeout
    )


def _with_new_password(
    repository: Repository, arguments: list[str], new_password: str, lock_timeout: float
) -> None:
    # restic strips what it reads from a file, and not the variable that opens the repository afterwards.
    if not new_password or new_password != new_password.strip():
        raise InvalidConfigurationError("The new password is empty, or begins or ends with white space.")
    files = {_NEW_PASSWORD: new_password.encode()}
    retry_when_locked(lambda: run(repository, arguments, files=files), repository, lock_timeout=lock_timeout)
