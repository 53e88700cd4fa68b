"""The containers of a Job's Pod, as the Pod's status tells of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_Object = Mapping[str, Any]


def container_statuses(pod: _Object) -> Iterator[_Object]:
    """Give the status of each container, in the order in which they run."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def state_of(pod: _Object, container: str) -> str:
    """Tell a container's state: ``waiting``, ``running``, ``terminated``; empty: nothing is known of it."""
    for status in container_statuses(pod):
        if status["name"] == container:
            return next(iter(status.get("state") or {}), "")
    return ""


def has_started(pod: _Object, container: str) -> bool:
    """Tell whether a container runs or has run."""
    return state_of(pod, container) in {"running", "terminated"}


def waits(pod: _Object | None, containers: Sequence[str]) -> bool:
    """Tell whether one of the containers has still to start, and none runs: its turn has come, or the Pod waits."""
    if pod is None:
        return True
    states = [state_of(pod, one) for one in containers]
    return "running" not in states and states[-1] != "terminated"


def telling_container(pod: _Object, containers: Sequence[str]) -> str | None:
    """Give the container whose words count: the first that failed, else the last that has started."""
    started = [one for one in containers if has_started(pod, one)]
    failed = [one["name"] for one in container_statuses(pod) if _exit_code(one)]
    return next((one for one in started if one in failed), started[-1] if started else None)


def ended_containers(pod: _Object | None, containers: Collection[str]) -> list[dict[str, Any]]:
    """
    Tell how containers ended.

    :return: for each that has ``name``, ``exitCode`` and ``duration`` in seconds.
    """
    found = []
    for status in container_statuses(pod or {}):
        ended = (status.get("state") or {}).get("terminated")
        if ended is not None and status["name"] in containers:
            begin, end = ended.get("startedAt"), ended.get("finishedAt")
            seconds = (_time(end) - _time(begin)).total_seconds() if begin and end else None
            found.append({"name": status["name"], "exitCode": ended.get("exitCode"), "duration": seconds})
    return found


def _exit_code(status: _Object) -> int:
    return int(((status.get("state") or {}).get("terminated") or {}).get("exitCode") or 0)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
