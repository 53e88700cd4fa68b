"""A step's Job, through its operator, as a service account that has exactly the Role of the docs."""

import json
import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.exceptions import JobFailedError
from airflow_provider_stash.operators.base import TaskKilled
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.kubernetes_job import StepJob
from airflow_provider_stash.operators.restic import ResticInitOperator
from tests.kubernetes.jobs.conftest import (
    ETCD_PASSWORD,
    KEYS,
    PERMISSIONS,
    REPOSITORY_PASSWORD,
    WAITS,
    role,
    wait_until,
    without,
)


@contextmanager
def when(condition, action):
    """Do something in the main thread, as a signal's handler does, when a condition holds."""
    caught = []

    def look():
        try:
            wait_until(condition)
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            caught.append(error)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: action())
    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
        assert not caught, caught


def test_credentials_are_in_secrets_that_the_job_owns_alone(cluster, repository, job, run, monkeypatch):
    """Made while the Job runs: neither object nor log holds one, and its Secrets are the Job's own."""
    seen = {}

    def look():
        cluster.wait_for_line("Snapshot of")
        (one,) = cluster.jobs()
        pods = cluster.core.list_namespaced_pod(cluster.namespace, label_selector="job-name").items
        secrets = [
            secret for secret in cluster.core.list_namespaced_secret(cluster.namespace).items
            if secret.metadata.name.startswith("stash-")
        ]  # fmt: skip
        seen.update(
            text=json.dumps(cluster.api.sanitize_for_serialization([one, *pods]))
            + cluster.log(pods[0].metadata.name),
            owners={reference.uid for secret in secrets for reference in secret.metadata.owner_references},
            uid=one.metadata.uid,
            keys=sorted(key for secret in secrets for key in secret.data),
        )
        return True

    repository.make()
    # A stream at snail's pace is there to be looked at.
    slow = replace(job, command=["sh", "-c", '"$@"; sleep 3', "-", *job.command])
    with when(look, lambda: None):
        run.execute(EtcdBackupOperator(task_id="backup", execution=slow))
    assert ETCD_PASSWORD not in seen["text"]
    assert REPOSITORY_PASSWORD not in seen["text"]
    assert seen["owners"] == {seen["uid"]}
    assert seen["keys"] == ["RESTIC_PASSWORD", "password", "username"]


def test_credentials_from_secrets_that_exist(cluster, job, run, monkeypatch):
    """Then the connections hold none."""
    for name, data in (("etcd-auth", {"username": "root", "password": ETCD_PASSWORD}),
                       ("storage", {"RESTIC_PASSWORD": REPOSITORY_PASSWORD})):  # fmt: skip
        cluster.core.create_namespaced_secret(
            cluster.namespace, {"metadata": {"name": name}, "stringData": data}
        )
    etcd = {"conn_type": "etcd", "host": cluster.etcd}
    monkeypatch.setenv("AIRFLOW_CONN_ETCD_DEFAULT", json.dumps(etcd))
    place = cluster.repository("with-secrets")
    repository = {"conn_type": "restic", "host": place.location}
    monkeypatch.setenv("AIRFLOW_CONN_RESTIC_DEFAULT", json.dumps(repository))
    rules = without(role("airflow-stash-backup")["rules"], "secrets", "create")
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", cluster.connection(rules))
    job = replace(job, etcd_secret="etcd-auth", repository_secret=["storage"])
    assert run.execute(ResticInitOperator(task_id="init", execution=job))["created"] is True
    place.cheapen()
    result = run.execute(EtcdBackupOperator(task_id="backup", execution=job))
    assert result["keyCount"] > 0


def test_settings_of_the_connection(cluster, repository, job, run, monkeypatch):
    repository.make()
    settings = {"image": job.image, "pod": job.pod, "container": {**job.container, "nice": {"adjustment": 5}},
                "interim_volume_template": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}  # fmt: skip
    connection = cluster.connection(role("airflow-stash-backup")["rules"], stash_job=json.dumps(settings))
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
    claims = []

    def look():
        claims[:] = [one for one in cluster.left() if one.endswith("-stash-scratch")]
        return claims

    with when(look, lambda: None):
        run.execute(ResticInitOperator(task_id="init", execution="kubernetes"))
    assert len(claims) == 1


def test_the_log_comes_while_the_job_runs(cluster, waiting, run, capsys):
    shown = []

    def look():
        shown.append(capsys.readouterr().out)
        return WAITS in "".join(shown)

    with when(look, waiting.on_kill), pytest.raises(TaskKilled):
        run.execute(waiting)


def test_killing_the_task_ends_the_job(cluster, waiting, run):
    with when(lambda: cluster.wait_for_line(WAITS), waiting.on_kill), pytest.raises(TaskKilled):
        run.execute(waiting)
    wait_until(lambda: not cluster.jobs())


def test_a_retry_finds_the_job_that_runs(cluster, repository, job, run):
    """The worker is killed outright; the second try takes the first one's Job, and its result."""
    repository.make()
    slow = replace(job, command=["sh", "-c", 'echo begins; sleep 3; exec "$@"', "-", *job.command])
    backup = EtcdBackupOperator(task_id="backup", execution=slow)
    worker = multiprocessing.get_context("fork").Process(target=run.execute, args=(backup,))
    worker.start()
    cluster.wait_for_line("begins")
    worker.kill()
    worker.join()
    (first,) = cluster.jobs()
    seen = set()

    def look():
        seen.update(one.metadata.uid for one in cluster.jobs())
        return cluster.wait_for_line("Snapshot of")

    with when(look, lambda: None):
        result = run.execute(backup)
    assert seen == {first.metadata.uid}
    assert result["keyCount"] == KEYS


def test_a_retry_after_a_failure_starts_anew(cluster, waiting, run):
    context = run.context(waiting)
    failing = replace(waiting.job, command=["false"])
    one = StepJob(waiting, failing, context)
    one._create(*one.build(waiting.prepare(context)))
    wait_until(lambda: any(one.status.failed for one in cluster.jobs()))
    run.try_number = 2
    with when(lambda: cluster.wait_for_line(WAITS), waiting.on_kill), pytest.raises(TaskKilled):
        run.execute(waiting)


def test_an_image_that_can_not_be_pulled(job, run):
    wrong = replace(job, image="registry.invalid/nothing:1", startup_timeout=4.0)
    with pytest.raises(
        JobFailedError, match=r"did not start its container within 4 s. Err?ImagePull.*What to do"
    ):
        run.execute(ResticInitOperator(task_id="init", execution=wrong))


def test_a_container_that_ends_without_a_word(job, run):
    wrong = replace(job, command=["sh", "-c", "echo something; exit 3"])
    with pytest.raises(JobFailedError, match=r"Exit code 3.*Last words: something"):
        run.execute(ResticInitOperator(task_id="init", execution=wrong))


def test_a_deadline(waiting, run):
    waiting.job = replace(waiting.job, active_deadline=3)
    with pytest.raises(
        JobFailedError, match="DeadlineExceeded: the Job ran longer than its active_deadline of 3 s"
    ):
        run.execute(waiting)


@pytest.mark.parametrize(("resource", "verb"), PERMISSIONS)
def test_a_permission_less_is_named(cluster, job, run, monkeypatch, capsys, resource, verb):
    rules = without(role("airflow-stash-backup")["rules"], resource, verb)
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", cluster.connection(rules))
    ends = replace(job, command=["sh", "-c", "sleep 1; exit 3"], ttl=1)
    with pytest.raises((AirflowFailException, JobFailedError)) as caught:
        run.execute(ResticInitOperator(task_id="init", execution=ends))
    # A Job that can't be removed is told in the log; what its step did counts.
    told = capsys.readouterr().out if verb == "delete" else str(caught.value)
    assert f'cannot {verb} resource "{resource}"' in told
    assert "docs/kubernetes.md" in told
