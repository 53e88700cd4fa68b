"""A Job that the cluster does not let have what it wants: memory, disk, its namespace's quota; as its task tells of it."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from airflow_provider_stash.exceptions import JobFailedError, KubernetesError
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restic import ResticInitOperator
from tests.kubernetes.jobs.conftest import wait_until


@contextmanager
def quota(cluster, **hard):
    """Limit the namespace."""
    body = {"metadata": {"name": "small"}, "spec": {"hard": hard}}
    cluster.core.create_namespaced_resource_quota(cluster.namespace, body)
    try:
        wait_until(
            lambda: cluster.core.read_namespaced_resource_quota("small", cluster.namespace).status.hard
        )
        yield
    finally:
        cluster.core.delete_namespaced_resource_quota("small", cluster.namespace)


def with_resources(job, **resources):
    return replace(job, container={**job.container, "resources": resources})


def test_a_step_that_needs_more_memory_than_its_limit(job, run):
    """A backup, which needs twice that."""
    small = with_resources(job, limits={"memory": "20Mi"})
    said = r"OOMKilled: the container used more memory than its limit of 20Mi\. What to do: raise"
    with pytest.raises(JobFailedError, match=said):
        run.execute(EtcdBackupOperator(task_id="backup", execution=small))


def test_a_step_that_writes_more_than_its_temp_dir_takes(job, run):
    writes = ["sh", "-c", "echo writes; dd if=/dev/zero of=/tmp/file bs=1M count=4; sleep 600"]
    small = replace(job, temp_dir={"sizeLimit": "1Mi"}, command=writes)
    with pytest.raises(
        JobFailedError,
        match=r'Evicted: Usage of EmptyDir volume "stash-scratch" exceeds the limit "1Mi"\. What to do: .*sizeLimit',
    ):
        run.execute(ResticInitOperator(task_id="init", execution=small))


def test_a_step_that_writes_more_than_its_container_may(job, run):
    writes = ["sh", "-c", "dd if=/dev/zero of=/tmp/file bs=1M count=8; sleep 600"]
    small = replace(with_resources(job, limits={"ephemeral-storage": "2Mi"}), command=writes)
    with pytest.raises(
        JobFailedError,
        match="Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 2Mi",
    ):
        run.execute(ResticInitOperator(task_id="init", execution=small))


def test_a_pod_that_the_quota_refuses(cluster, job, run, capsys):
    greedy = replace(with_resources(job, limits={"memory": "64Mi"}), startup_timeout=4.0)
    with (
        quota(cluster, **{"limits.memory": "32Mi"}),
        pytest.raises(JobFailedError) as caught,
    ):
        run.execute(ResticInitOperator(task_id="init", execution=greedy))
    said = "exceeded quota: small, requested: limits.memory=64Mi, used: limits.memory=0, limited: limits.memory=32Mi"
    assert "did not start its container within 4 s. FailedCreate: the cluster refused the Pod" in str(
        caught.value
    )
    assert said in str(caught.value)
    assert "What to do: raise the namespace's ResourceQuota" in str(caught.value)
    assert said in capsys.readouterr().out  # it is told while the Job waits, too


def test_a_pod_that_says_nothing_of_what_the_quota_limits(cluster, job, run):
    with (
        quota(cluster, **{"limits.memory": "1Gi"}),
        pytest.raises(
            JobFailedError,
            match=r"failed quota: small: must specify limits.memory for: step\. What to do: set container\.resources",
        ),
    ):
        run.execute(ResticInitOperator(task_id="init", execution=replace(job, startup_timeout=4.0)))


def test_a_job_that_the_quota_refuses(cluster, job, run):
    with (
        quota(cluster, **{"count/jobs.batch": "0"}),
        pytest.raises(
            KubernetesError, match=r"is forbidden: exceeded quota: small, requested: count/jobs\.batch=1"
        ),
    ):
        run.execute(ResticInitOperator(task_id="init", execution=job))
