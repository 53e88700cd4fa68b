"""Reads what a Function of Stash's has left in ``output.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_stash.exceptions import FunctionFailedError

_FILE = "output.json"
_HOSTS = ("hostBackupStats", "hostRestoreStats")  # as older Stash wrote them
_FAILED = "Failed"


def read_output(directory: str) -> dict[str, Any]:
    """
    Read a Function's output, as Stash's ``update-status`` does.

    A Function that fails writes its error there and ends well, so that the next one can tell of it.

    :param directory: where it is.
    :return: ``stats``: what Stash tells of each host; ``snapshot``: the id of the first snapshot, if there is any;
        ``repository``, if the Function told of it.
    :raises FunctionFailedError: there is none, it can't be read, or it tells of a failure.
    """
    path = Path(directory, _FILE)
    try:
        output = json.loads(path.read_text())
        hosts = _hosts(output)
    except (OSError, ValueError, AttributeError) as error:
        raise FunctionFailedError(
            f"The Task's Functions ended, but {path} can't be read: {error}. What to do: see why the Function before "
            "update-status did not write it (its --output-dir, its log)."
        ) from error
    for host in hosts:
        if host.get("error") or host.get("phase") == _FAILED:
            raise FunctionFailedError(
                f"A Function tells that host {host.get('hostname', '')!r} failed: "
                f"{host.get('error') or 'it gives no reason'}."
            )
    snapshots = [one["name"] for host in hosts for one in host.get("snapshots") or () if one.get("name")]
    told: dict[str, Any] = {"stats": hosts}
    if snapshots:
        told["snapshot"] = snapshots[0]
    if output.get("repository"):
        told["repository"] = output["repository"]
    return told


def _hosts(output: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = (output.get("targetStatus") or {}).get("stats")
    for name in _HOSTS:
        found = found or output.get(name)
    return [found] if isinstance(found, dict) else list(found or [])
