"""Reads what restic wrote: what tells a person why it failed, in one line, without secrets."""

from __future__ import annotations

import re

from airflow_provider_stash.restic.repository import Repository

_LAST_LINES = 8
# Go tells where it was: a function and, in the next line, its file.
_STACK = re.compile(r"^goroutine \d+ .*:\n|^.*\n\t\S+\.(go|s):\d+.*\n?", re.MULTILINE)
_RETRY = " returned error, retrying after "
NO_CACHE = "unable to open cache: "
# A warning before 0.19; that fails for it, and says so a second time.
_WARNING = re.compile(rf"^{NO_CACHE}(.*)\n(?!\1$)", re.MULTILINE)


def telling_words(text: str) -> str:
    """Leave out Go's stack traces, and that restic goes without a cache."""
    return _WARNING.sub("", _STACK.sub("", text))


def final_words(text: str) -> str:
    """Leave out the tries that restic made again; but where it wrote nothing else, the last is its last word."""
    lines = text.strip().splitlines()
    return "\n".join([line for line in lines if _RETRY not in line] or lines[-1:])


def last_words(repository: Repository, text: str) -> str:
    """Give the last lines of what restic wrote, in one line, without secrets."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return redact(repository, " | ".join(lines[-_LAST_LINES:]))


def redact(repository: Repository, text: str) -> str:
    """Take the repository's secrets out of a text."""
    for secret in repository.secrets:
        text = text.replace(secret, "***")
    return text
