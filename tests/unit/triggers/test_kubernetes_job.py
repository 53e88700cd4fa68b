import asyncio
import json
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger

from airflow_provider_stash.exceptions import (
    EtcdTLSError,
    InvalidConfigurationError,
    KubernetesPermissionError,
)
from airflow_provider_stash.kubernetes.record import read_record
from airflow_provider_stash.triggers.kubernetes_job import StepJobTrigger, _secret


def trigger_of(**owned):
    manifest = {"metadata": {"name": "stash-backup", "namespace": "demo"}}
    return StepJobTrigger(manifest, owned, "cluster", 300.0, 2.0)


def test_it_is_made_again_from_what_is_stored():
    trigger = trigger_of(etcd="etcd_demo")
    _, arguments = trigger.serialize()
    assert StepJobTrigger(**json.loads(json.dumps(arguments))).serialize() == trigger.serialize()


def test_what_can_not_be_mended_is_told_once_the_workers_slot_is_free(slept, monkeypatch):
    trigger = trigger_of()

    async def refused(owned):
        raise KubernetesPermissionError("cannot create jobs")

    monkeypatch.setattr(trigger, "_ensure", refused)
    event = asyncio.run(anext(trigger.run())).payload
    with pytest.raises(KubernetesPermissionError, match="cannot create jobs"):
        read_record(event["error"])
    assert slept == [pytest.approx(6, abs=1)]


def test_what_the_api_says_of_a_permission_is_not_waited_out(slept, monkeypatch):
    trigger = trigger_of()

    async def refused(jobs):
        raise EtcdTLSError("no retry")

    monkeypatch.setattr(trigger, "_hook", lambda: SimpleNamespace(get_conn=_Client))
    monkeypatch.setattr("airflow_provider_stash.triggers.kubernetes_job.AsyncJobs", lambda *_: None)
    monkeypatch.setattr(trigger, "_look", refused)
    with pytest.raises(EtcdTLSError):
        asyncio.run(trigger._wait())
    assert slept == []


@pytest.mark.parametrize("purpose", ["etcd", "repository"])
def test_a_connection_that_the_workers_alone_know_is_named(purpose):
    with pytest.raises(InvalidConfigurationError, match="The triggerer knows no connection 'of_workers'"):
        asyncio.run(_secret(purpose, "of_workers"))


class _Client:
    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        pass


@pytest.mark.oldest
def test_of_a_task_that_was_ended_before_it_makes_no_job(monkeypatch):
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: {"r": {"t": "failed"}})
    trigger = trigger_of()
    trigger.task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    monkeypatch.setattr(trigger, "_ensure", None)
    with pytest.raises(StopAsyncIteration):
        asyncio.run(anext(trigger.run()))


@pytest.mark.oldest
@pytest.mark.parametrize(
    ("state", "fired", "ended"),
    [("failed", False, True), ("deferred", False, False), ("success", True, False)],
)
def test_before_airflow_3_3_it_finds_out_that_its_task_was_ended(monkeypatch, state, fired, ended):
    monkeypatch.delattr(BaseTrigger, "on_kill", raising=False)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: {"r": {"t": state}})
    trigger, killed = trigger_of(), []

    async def on_kill():
        killed.append(True)

    monkeypatch.setattr(trigger, "on_kill", on_kill)
    trigger.task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    trigger._fired = fired
    asyncio.run(trigger.cleanup())
    assert bool(killed) is ended
