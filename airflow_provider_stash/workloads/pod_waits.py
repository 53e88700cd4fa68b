"""Waits for Pods."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_stash.exceptions import WorkloadError

log = logging.getLogger(__name__)

_POLL = 0.5
_TELL_SECONDS = 15.0


def wait_for(where: object, look: Callable[[], str], timeout: float) -> None:
    """
    Wait until nothing is left to wait for.

    :param where: names the workload, for log and error.
    :param look: tells what is waited for; empty: nothing any more.
    :raises WorkloadError: it takes longer than the timeout.
    """
    begin = told = time.monotonic()
    while waits := look():
        passed = time.monotonic() - begin
        if passed > timeout:
            raise WorkloadError(
                f"{where}: {waits} after {timeout:.0f} s. Look at them: kubectl describe pod."
            )
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            log.info("%s: %s after %.0f s.", where, waits, passed)
        time.sleep(_POLL)


def runs(pod: Mapping[str, Any]) -> bool:
    """Tell whether a Pod's containers all run; ready or not."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return (
        "deletionTimestamp" not in pod["metadata"]
        and bool(statuses)
        and all("running" in (one.get("state") or {}) for one in statuses)
    )


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a Pod is ready, and stays."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )
