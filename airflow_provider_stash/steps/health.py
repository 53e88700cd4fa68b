"""Asks whether etcd answers: the condition that a backup waits for (Stash: ``waitTimeout``)."""

from __future__ import annotations

import contextlib
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
        reason = _why_not(client)
        if reason:
            return {"healthy": False, "reason": reason, "members": [], "alarms": []}
        return {"healthy": True, "reason": "", **_members_and_alarms(client)}


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
    with client_when_healthy(config, timeout=timeout, poke_interval=poke_interval) as client:
        return _members_and_alarms(client)


def client_when_healthy(config: EtcdConfig, *, timeout: float, poke_interval: float = 5.0) -> EtcdClient:
    """
    Wait until an endpoint serves a linearizable read, and give the client that has seen it.

    :param timeout: seconds in all.
    :param poke_interval: seconds between looks.
    :raises EtcdUnavailableError: none did in time.
    :raises EtcdError: waiting won't help: wrong password, wrong CA.
    """
    deadline = time.monotonic() + timeout
    while True:
        # A new one for each look: a channel that has failed waits longer and longer before it connects again.
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(EtcdClient(config))
            reason = _why_not(client)
            if not reason:
                stack.pop_all()
                return client
        left = deadline - time.monotonic()
        if left <= 0:
            raise EtcdUnavailableError(f"etcd did not answer within {timeout:g} s. {reason}")
        log.info("etcd does not answer yet: %s", reason)
        time.sleep(min(poke_interval, left))


def _why_not(client: EtcdClient) -> str:
    """
    Tell why no endpoint serves a linearizable read; empty where one does.

    :raises EtcdError: waiting won't help.
    """
    health = client.health()
    if any(one.healthy for one in health):
        return ""
    for one in health:
        if one.failure is not None and not one.failure.retryable:
            raise one.failure
    return " ".join(one.error for one in health)


def _members_and_alarms(client: EtcdClient) -> dict[str, Any]:
    return {
        "members": [member_result(status) for status in client.status()],
        "alarms": [{"member": one.member_id, "alarm": one.alarm} for one in client.alarms()],
    }
