import asyncio

import pytest

from airflow_provider_stash.hooks.etcd import EtcdHook
from airflow_provider_stash.triggers import etcd
from airflow_provider_stash.triggers.etcd import EtcdHealthTrigger

HEALTHY = {"healthy": True, "members": [{"name": "m0"}], "alarms": []}


@pytest.fixture(autouse=True)
def _no_connection(monkeypatch):
    monkeypatch.setattr(EtcdHook, "get_config", lambda self: None)


async def first_event(trigger):
    return (await anext(trigger.run())).payload


def test_it_does_not_fire_while_the_worker_may_linger(slept, monkeypatch):
    """Airflow would take the worker's end for the task's."""
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "5")
    monkeypatch.setattr(etcd, "check_health", lambda config: HEALTHY)
    event = asyncio.run(first_event(EtcdHealthTrigger("e", poke_interval=1)))
    assert event == {"error": "", "members": [{"name": "m0"}], "alarms": []}
    assert slept == [6]


def test_it_looks_again(slept, monkeypatch):
    looks = iter([{"healthy": False, "reason": "refused"}, HEALTHY])
    monkeypatch.setattr(etcd, "check_health", lambda config: next(looks))
    asyncio.run(first_event(EtcdHealthTrigger("e", poke_interval=30)))
    assert slept == [30, 30]
