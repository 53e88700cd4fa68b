"""A step's Job that is waited for in the triggerer: created there, found again, told of, and removed."""

import asyncio
import importlib
import json
import os
from dataclasses import replace

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferralError, TaskDeferralTimeout, TaskDeferred

from airflow_provider_stash.exceptions import JobFailedError
from airflow_provider_stash.hooks import manifests
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restic import ResticInitOperator
from tests.kubernetes.jobs.conftest import (
    ETCD_PASSWORD,
    PERMISSIONS,
    REPOSITORY_PASSWORD,
    WAITS,
    role,
    wait_until,
    without,
)


@pytest.fixture(autouse=True)
def _no_lingering_workers(monkeypatch):
    """There are none here to be waited for."""
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")


@pytest.mark.parametrize(("resource", "verb"), [one for one in PERMISSIONS if one[1] != "delete"])
def test_deferred_a_permission_less_is_named(cluster, job, run, monkeypatch, resource, verb):
    rules = without(role("airflow-stash-backup")["rules"], resource, verb)
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", cluster.connection(rules))
    init = ResticInitOperator(
        task_id="init", execution=replace(job, deferrable=True, command=["sh", "-c", "exit 3"])
    )
    event = asyncio.run(first_event(defer(run, init)))
    with pytest.raises((AirflowFailException, JobFailedError)) as caught:
        resume(run, init, event)
    assert f'cannot {verb} resource "{resource}"' in str(caught.value)
    assert "docs/kubernetes.md" in str(caught.value)


def defer(run, operator):
    """Execute until the task is deferred; gives the trigger, made again from its serialized form."""
    with pytest.raises(TaskDeferred) as deferred:
        run.execute(operator)
    assert deferred.value.method_name == "execute_complete"
    path, arguments = deferred.value.trigger.serialize()
    text = json.dumps(arguments)
    assert ETCD_PASSWORD not in text
    assert REPOSITORY_PASSWORD not in text
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(text))


async def first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def resume(run, operator, event):
    run.results[operator.task_id] = result = operator.execute_complete(run.context(operator), event)
    return result


def test_deferred_it_is_the_same(cluster, repository, job, run, capsys):
    job = replace(job, deferrable=True)
    init = ResticInitOperator(task_id="init", execution=job)
    event = asyncio.run(first_event(defer(run, init)))
    assert resume(run, init, event)["created"] is True
    repository.cheapen()
    backup = EtcdBackupOperator(task_id="backup", execution=job)
    trigger = defer(run, backup)
    capsys.readouterr()
    event = asyncio.run(first_event(trigger))
    assert "Snapshot of" in capsys.readouterr().out  # the triggerer's log of the task
    assert resume(run, backup, event)["snapshot"]


def test_deferred_with_a_connection_from_manifests(cluster, job, run, monkeypatch):
    """The triggerer has none: its Secret is made in the worker, and the Job with it."""
    fields = json.loads(os.environ["AIRFLOW_CONN_RESTIC_DEFAULT"])
    monkeypatch.delenv("AIRFLOW_CONN_RESTIC_DEFAULT")
    monkeypatch.setattr(manifests, "_offered", {"restic_default": lambda: fields})
    init = ResticInitOperator(task_id="init", execution=replace(job, deferrable=True))
    trigger = defer(run, init)
    monkeypatch.setattr(manifests, "_offered", {})
    event = asyncio.run(first_event(trigger))
    assert resume(run, init, event)["created"] is True


def test_deferred_a_failure_is_told(job, run):
    wrong = replace(job, deferrable=True, image="registry.invalid/nothing:1", startup_timeout=3.0)
    init = ResticInitOperator(task_id="init", execution=wrong)
    event = asyncio.run(first_event(defer(run, init)))
    with pytest.raises(JobFailedError, match="did not start its container within 3 s. ErrImagePull"):
        resume(run, init, event)


def test_deferred_there_is_no_job_before_the_trigger_runs(cluster, waiting, run):
    waiting.job = replace(waiting.job, deferrable=True)
    defer(run, waiting)
    assert cluster.left() == []


def test_deferred_ended_while_the_job_is_being_created(cluster, waiting, run):
    """The request to create it is on its way, and can't be called back: the removal comes after it."""
    waiting.job = replace(waiting.job, deferrable=True)
    trigger = defer(run, waiting)

    async def kill():
        runs = asyncio.create_task(first_event(trigger))
        while trigger._creating is None:
            await asyncio.sleep(0)
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)
        assert not trigger._creating.done()
        await trigger.on_kill()

    asyncio.run(kill())


def test_deferred_a_triggerer_that_is_started_again_tells_a_failure(cluster, waiting, run):
    """It does not start the Job anew: what failed was this try."""
    waiting.job = replace(waiting.job, deferrable=True, command=["sh", "-c", "exit 3"])
    trigger = defer(run, waiting)
    asyncio.run(trigger._ensure(trigger.owned))
    wait_until(lambda: any(one.status.failed for one in cluster.jobs()))
    (first,) = cluster.jobs()
    event = asyncio.run(first_event(trigger))
    assert [one.metadata.uid for one in cluster.jobs()] == [first.metadata.uid]
    with pytest.raises(JobFailedError, match="Exit code 3"):
        resume(run, waiting, event)


def test_deferred_a_retry_after_a_failure_starts_anew(cluster, waiting, run):
    waiting.job = replace(waiting.job, deferrable=True, command=["sh", "-c", "exit 3"])
    asyncio.run(defer(run, waiting)._ensure({}))
    wait_until(lambda: any(one.status.failed for one in cluster.jobs()))
    (first,) = cluster.jobs()
    run.try_number = 2
    event = asyncio.run(first_event(defer(run, waiting)))
    assert [one.metadata.uid for one in cluster.jobs()] != [first.metadata.uid]
    with pytest.raises(JobFailedError, match="Exit code 3"):
        resume(run, waiting, event)


@pytest.mark.parametrize("reason", ["Trigger timeout", "Trigger failure"])
def test_deferred_a_task_that_airflow_fails_ends_the_job(cluster, waiting, run, reason):
    """The task's time is over, or its trigger has broken."""
    waiting.job = replace(waiting.job, deferrable=True)
    asyncio.run(defer(run, waiting)._ensure({}))
    cluster.wait_for_line(WAITS)
    with pytest.raises((TaskDeferralError, TaskDeferralTimeout), match=reason):
        waiting.resume_execution("__fail__", {"error": reason}, run.context(waiting))


def test_deferred_killing_the_task_ends_the_job(cluster, waiting, run):
    waiting.job = replace(waiting.job, deferrable=True)
    trigger = defer(run, waiting)

    async def kill():
        runs = asyncio.create_task(first_event(trigger))
        await asyncio.to_thread(cluster.wait_for_line, WAITS)
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)
        await trigger.on_kill()

    asyncio.run(kill())


def test_deferred_a_job_that_somebody_deletes(cluster, waiting, run):
    waiting.job = replace(waiting.job, deferrable=True)
    trigger = defer(run, waiting)

    async def delete():
        runs = asyncio.create_task(first_event(trigger))
        await asyncio.to_thread(cluster.wait_for_line, WAITS)
        (one,) = cluster.jobs()
        cluster.batch.delete_namespaced_job(
            one.metadata.name, cluster.namespace, propagation_policy="Background"
        )
        return await runs

    event = asyncio.run(delete())
    with pytest.raises(JobFailedError, match="The Job is gone: it was deleted"):
        resume(run, waiting, event)
