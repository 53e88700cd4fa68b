"""Takes a failed restore back."""

from __future__ import annotations

import logging
import time
from typing import Any

from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.exceptions import EtcdError
from airflow_provider_stash.steps.health import check_health
from airflow_provider_stash.workloads.base import Workload

log = logging.getLogger(__name__)

_POLL = 0.5


def roll_back(
    etcd: EtcdConfig | None, workload: Workload, *, key: str, timeout: float = 60.0
) -> dict[str, Any]:
    """
    Put the old data back, start the members that were running, and look whether they answer.

    :param etcd: how to ask whether it answers; None: that is not known.
    :param key: of the restore, see ``restore_key``.
    :param timeout: seconds to wait for the old cluster to answer; it may have been dead before.
    :return: ``members`` (``name``, ``rolledBack``, ``running``), ``healthy`` (None: nothing was to be done), and
        ``reason`` when it isn't.
    :raises WorkloadError: a member could not be brought back.
    """
    members = workload.roll_back(key=key)
    if not members:
        return {"members": [], "healthy": None, "reason": "Nothing had been stopped by this restore."}
    for member in members:
        log.warning(
            "Member %s: %s, %s",
            member["name"],
            "old data put back" if member["rolledBack"] else "its data had not been touched",
            "running" if member["running"] else "not running, as before the restore",
        )
    if not any(member["running"] for member in members):
        return {"members": members, "healthy": False, "reason": "No member was running before the restore."}
    if etcd is None:
        return {"members": members, "healthy": False, "reason": "The etcd connection could not be read."}
    deadline = time.monotonic() + timeout
    while True:
        health = _health(etcd)
        if health["healthy"] or time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    if health["healthy"]:
        log.info("The old cluster serves again.")
    else:
        log.error("The old cluster runs, but does not answer: %s", health["reason"])
    return {"members": members, "healthy": health["healthy"], "reason": health["reason"]}


def _health(etcd: EtcdConfig) -> dict[str, Any]:
    try:
        return check_health(etcd)
    except EtcdError as error:
        return {"healthy": False, "reason": str(error)}
