"""Asks whether etcd answers: the condition that a backup waits for (Stash: ``waitTimeout``)."""

from __future__ import annotations

import logging
import time
from typing import Any

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.exceptions import EtcdUnavailableError
from airflow_provider_stash.steps.results import member_result

log = logging.getLogger(__name__)


def check_health(config: EtcdConfig) -> dict[str, Any]:
    """
    Ask the cluster once.

    :return: ``healthy`` (an endpoint served a linearizable read), ``reason`` when it isn't, ``members``
        with their status, and the ``alarms`` that are raised (``member`` and ``alarm``).
    :raises EtcdError: waiting won't help: wrong password, wrong CA.
    """
    with EtcdClient(config) as client:
        health = client.health()
        if not any(one.healthy for one in health):
            for one in health:
                if one.failure is not None and not one.failure.retryable:
                    raise one.failure
            reason = " ".join(one.error for one in health)
            return {"healthy": False, "reason": reason, "members": [], "alarms": []}
        return {
            "healthy": True,
            "reason": "",
            "members": [member_result(status) for status in client.status()],
            "alarms": [{"member": one.member_id, "alarm": one.alarm} for one in client.alarms()],
        }


def wait_for_health(
    config: EtcdConfig, *, timeout: float = 300.0, poke_interval: float = 5.0
) -> dict[str, Any]:
    """
    Wait until an endpoint serves a linearizable read.

    :param timeout: seconds in all.
    :param poke_interval: seconds between looks.
    :return: ``members`` with their status, and the ``alarms`` that are raised.
    :raises EtcdUnavailableError: none did in time.
    :raises EtcdError: waiting won't help: wrong password, wrong CA.
    """
    deadline = time.monotonic() + timeout
    while True:
        health = check_health(config)
        if health["healthy"]:
            return {"members": health["members"], "alarms": health["alarms"]}
        if time.monotonic() + poke_interval > deadline:
            raise EtcdUnavailableError(f"etcd did not answer within {timeout:.0f} s. {health['reason']}")
        log.info("etcd does not answer yet: %s", health["reason"])
        time.sleep(poke_interval)
