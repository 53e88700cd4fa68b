"""
What a Job's container and its task agree on: where credentials lie, and the step's outcome, the last line of the log.

Each container reads this module at its start: it needs nothing of the Kubernetes client's side.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_stash import exceptions
from airflow_provider_stash.exceptions import JobFailedError, StashError

CREDENTIALS = "/etc/stash"
"""Where Secrets are mounted, each set of credentials in a directory of its own."""

_MARK = "stash-record: "


def write_result(result: dict[str, Any]) -> str:
    """Write what a step returned as a line."""
    return _MARK + json.dumps({"result": result}, separators=(",", ":"))


def write_error(error: BaseException) -> str:
    """Write an error as a line: its class and its sentence."""
    known = isinstance(error, StashError)
    name = type(error).__name__
    message = str(error) if known else f"{name}: {error}"
    return _MARK + json.dumps(
        {"error": {"class": name if known else "JobFailedError", "message": message}}, separators=(",", ":")
    )


def is_record(line: str) -> bool:
    """Tell a record from a line of the log that is for people."""
    return line.startswith(_MARK)


def read_record(line: str) -> dict[str, Any]:
    """
    Give the result that a record holds, or raise its error as it was raised in the container.

    :raises StashError: the step's own.
    :raises JobFailedError: the line is no whole record, or holds an error that this package doesn't know.
    """
    try:
        record = json.loads(line.removeprefix(_MARK))
        if "result" in record:
            result: dict[str, Any] = record["result"]
            return result
        name, message = record["error"]["class"], record["error"]["message"]
    except (ValueError, KeyError, TypeError) as error:
        raise JobFailedError(
            "The step's last line can't be read: the image's package may be of another version than the worker's."
        ) from error
    kind = getattr(exceptions, name, None)
    if isinstance(kind, type) and issubclass(kind, StashError):
        raise kind(message)
    raise JobFailedError(message)
