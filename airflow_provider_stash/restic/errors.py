"""restic's failures, as this package's errors: by exit code (0.17 and later), else by what it says."""

from __future__ import annotations

import re

from airflow_provider_stash.exceptions import (
    BackendError,
    NoSpaceError,
    RepositoryDamagedError,
    RepositoryLockedError,
    RepositoryNotFoundError,
    ResticError,
    SnapshotNotFoundError,
    StashError,
    WrongRepositoryPasswordError,
)
from airflow_provider_stash.restic.repository import Repository

NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
_LAST_LINES = 8
_LOCKED = re.compile(r"already locked|unable to create lock", re.IGNORECASE)
_MISSING = re.compile(
    r"no such file or directory|does not exist|not exist|not found|NoSuchKey|404", re.IGNORECASE
)
_DAMAGE = re.compile(
    r"ciphertext verification failed|invalid data returned|hash (is|mismatch)|does not match|"
    r"data is corrupt|unable to load (tree|index)|wrong hash",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"no space left on device|disk quota exceeded|file too large|file size limit exceeded", re.IGNORECASE
)
_BACKEND = (
    ("connection refused", "nothing listens there"),
    ("no such host", "its name is not known"),
    ("i/o time-?out", "it does not answer"),
    ("context deadline exceeded", "it does not answer"),
    ("x509:", "its TLS certificate is not accepted: give the CA in the connection"),
    ("connection reset", "it drops connections"),
    ("broken pipe", "it drops connections"),
    ("unexpected eof", "it drops connections"),
    ("access key id you provided does not exist", "it does not know the access key"),
    ("signature we calculated does not match", "the secret access key is wrong"),
    ("access denied", "it denies access: look at the credentials and their policy"),
    (r"\b403\b", "it denies access: look at the credentials and their policy"),
    (r"\b401\b", "it wants other credentials"),
    ("permission denied", "the user of this worker may not read and write there"),
)


_HOPELESS = re.compile(
    r"specified bucket does not exist|access key id you provided does not exist|InvalidAccessKeyId|"
    r"signature we calculated does not match|SignatureDoesNotMatch|Access ?Denied|x509:|401 Unauthorized",
    re.IGNORECASE,
)


def is_hopeless(text: str) -> bool:
    """Tell whether restic has met what no retry mends: from 0.17 on it tries for a quarter of an hour all the same."""
    return bool(_HOPELESS.search(text))


def translate(repository: Repository, command: str, code: int, text: str) -> StashError:
    """
    Say what a failed restic means.

    :param repository: which it worked on; its secrets are taken out of the text.
    :param command: restic's command, such as ``backup``.
    :param code: its exit code.
    :param text: what it wrote to standard error.
    """
    words, place = last_words(repository, text), repository.redacted_location
    if code == WRONG_PASSWORD or "wrong password or no key found" in text:
        return WrongRepositoryPasswordError(
            f"The password does not open the repository {place}. Correct the restic connection's password; "
            "the repository was not touched."
        )
    if code == LOCKED or _LOCKED.search(text):
        return RepositoryLockedError(f"The repository {place} is locked: {words}")
    if "bucket does not exist" in text:
        return RepositoryNotFoundError(
            f"There is no repository at {place}: the bucket does not exist. Make it, correct its name, or let the "
            "first backup make it."
        )
    if code == NO_REPOSITORY or ("unable to open config file" in text and _is_missing(text)):
        return RepositoryNotFoundError(
            f"There is no repository at {place} ({words}). Correct the location, or let the first backup make it."
        )
    if "repository already contains keys" in text:
        return headless(repository)
    if _FULL.search(text):
        return NoSpaceError(f"restic {command}: no space left on the device of {place}. {words}")
    if "no matching ID found" in text or "no snapshot found" in text:
        return SnapshotNotFoundError(f"The repository {place} has no such snapshot: {words}")
    hint = next((hint for sign, hint in _BACKEND if re.search(sign, text, re.IGNORECASE)), None)
    if hint:
        return BackendError(f"restic {command}: {place}: {hint}. restic said: {words}")
    if _DAMAGE.search(text):
        return RepositoryDamagedError(
            f"restic {command}: data in {place} can't be read back: {words} "
            "Restore another snapshot; look at docs/troubleshooting, 'damaged repository'."
        )
    return ResticError(
        f"restic {command} failed with exit code {code} on {place}: {words or 'it said nothing'}"
    )


def headless(repository: Repository) -> RepositoryDamagedError:
    """Say that there are keys and no ``config``: making a repository there would damage what is left of one."""
    return RepositoryDamagedError(
        f"{repository.redacted_location} holds keys of a repository, and not its file 'config': it was lost, or "
        "another host is just making the repository. Nothing was made over it. If it stays so, put the file back; "
        "a new repository needs another location."
    )


def _is_missing(text: str) -> bool:
    return bool(_MISSING.search(text)) and not any(
        sign in text.lower() for sign in ("connection refused", "no such host", "access key id", "bucket")
    )


def last_words(repository: Repository, text: str) -> str:
    """Give the last lines of what restic wrote, in one line, without secrets."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return redact(repository, " | ".join(lines[-_LAST_LINES:]))


def redact(repository: Repository, text: str) -> str:
    """Take the repository's secrets out of a text."""
    for secret in repository.secrets:
        text = text.replace(secret, "***")
    return text
