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
from airflow_provider_stash.restic.words import NO_CACHE, final_words, last_words, telling_words

NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
# Not "unable to create lock": so begins whatever keeps restic from writing its own.
_LOCKED = "repository is already locked"
_NO_LOCK = "unable to create lock"
_BAD_LOCK = re.compile(
    r"invalid lock file|unable to create lock.*(ciphertext verification failed|invalid data)"
)
_MISSING = re.compile(
    r"no such file or directory|does not exist|not exist|not found|NoSuchKey|404", re.IGNORECASE
)
_NO_BUCKET = re.compile(r"bucket (does not|doesn't) exist|NoSuchBucket", re.IGNORECASE)
# No network that fails leads to these.
_DAMAGE = re.compile(
    r"ciphertext verification failed|invalid data returned|hash (is|mismatch)|data is corrupt|wrong hash|"
    r"\b(id|hash|size|size \d+) does not match|unexpected file size|file( is |-)too[ -]short|"
    r"range (is )?not satisfiable",
    re.IGNORECASE,
)
_CUT_SHORT = re.compile(r"\beof\b", re.IGNORECASE)
_UNREADABLE = re.compile(r"unable to load (tree|index)|repository contains errors", re.IGNORECASE)
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
    (_CUT_SHORT.pattern, "it drops connections, or a file there is cut short: 'restic check' tells"),
    ("access key id you provided does not exist", "it does not know the access key"),
    ("signature we calculated does not match", "the secret access key is wrong"),
    ("access denied", "it denies access: look at the credentials and their policy"),
    (r"\b403\b", "it denies access: look at the credentials and their policy"),
    (r"\b401\b", "it wants other credentials"),
    (
        "permission denied|operation not permitted",
        "the user of this worker may not read and write there: look at the owner and the mode of its files",
    ),
    ("read-only file system", "it is mounted read-only: mount it so that this worker can write"),
)


_HOPELESS = re.compile(
    r"specified bucket does not exist|access key id you provided does not exist|InvalidAccessKeyId|"
    r"signature we calculated does not match|SignatureDoesNotMatch|Access ?Denied|x509:|401 Unauthorized|"
    r"403 Forbidden|retrying after .*(permission denied|operation not permitted|read-only file system)",
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
    text = telling_words(text)
    final = final_words(text)
    # One that was ended while it tried has told the reason before.
    known = _known(repository, command, code, final) or _known(repository, command, code, text)
    if known is not None:
        return known
    words, place = last_words(repository, final), repository.redacted_location
    if _NO_LOCK in text:
        return BackendError(
            f"restic {command}: no lock could be written in {place}: look whether this worker can write there. "
            f"restic said: {words}"
        )
    return ResticError(
        f"restic {command} failed with exit code {code} on {place}: {words or 'it said nothing'}"
    )


def _known(repository: Repository, command: str, code: int, text: str) -> StashError | None:
    words, place = last_words(repository, text), repository.redacted_location
    if code == WRONG_PASSWORD or "wrong password or no key found" in text:
        return WrongRepositoryPasswordError(
            f"The password does not open the repository {place}. Correct the restic connection's password; "
            "the repository was not touched."
        )
    if code == LOCKED or _LOCKED in text:
        return RepositoryLockedError(f"The repository {place} is locked: {words}")
    if _NO_BUCKET.search(text):
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
    if NO_CACHE in text:
        return BackendError(
            f"restic {command}: no cache can be made on this worker: give the restic connection a cache_dir that "
            f"may be written, or set no_cache. restic said: {words}"
        )
    if _FULL.search(text):
        return NoSpaceError(
            f"restic {command}: no space left on the device of {place}: make room there. {words}"
        )
    if "no matching ID found" in text or "no snapshot found" in text:
        return SnapshotNotFoundError(f"The repository {place} has no such snapshot: {words}")
    if _BAD_LOCK.search(text):
        return BackendError(
            f"restic {command}: a lock in {place} can't be read. When nothing works on it, remove all: "
            f"'restic unlock --remove-all'. restic said: {words}"
        )
    # A local disk drops no connections.
    if _DAMAGE.search(text) or (repository.scheme == "local" and _CUT_SHORT.search(text)):
        return _damaged(command, place, words)
    hint = next((hint for sign, hint in _BACKEND if re.search(sign, text, re.IGNORECASE)), None)
    if hint:
        return BackendError(f"restic {command}: {place}: {hint}. restic said: {words}")
    return _damaged(command, place, words) if _UNREADABLE.search(text) else None


def _damaged(command: str, place: str, words: str) -> RepositoryDamagedError:
    return RepositoryDamagedError(
        f"restic {command}: data in {place} can't be read back: {words} "
        "Restore another snapshot; look at docs/troubleshooting, 'damaged repository'."
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
        sign in text.lower() for sign in ("connection refused", "no such host", "access key id")
    )
