"""A namespace with an etcd that wants a password, and an account with the docs' Role."""

import json
import os
import secrets
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
from kubernetes import client, config
from kubernetes.client import ApiException

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.etcd import EtcdWaitOperator
from tests.kubernetes.accounts import kubeconfig_of
from tests.kubernetes.jobs.repositories import ClaimRepository
from tests.kubernetes.namespaces import make_namespace
from tests.kubernetes.pages import role
from tests.kubernetes.pods import run_in_pod

IMAGE = os.environ.get("STASH_TEST_IMAGE", "kubesim/stash:test")
ETCD_IMAGE = os.environ.get("STASH_TEST_ETCD_IMAGE", "kubesim/etcd:test")
ETCD_PASSWORD, REPOSITORY_PASSWORD = "etcd-pass-of-the-tests", "repository-pass-of-the-tests"
KEYS = 20
NOTHING_THERE = json.dumps({"conn_type": "etcd", "host": "127.0.0.1:9", "extra": {"timeout": 0.2}})
WAITS = "etcd does not answer yet"
REPOSITORIES = {"name": "repository", "mountPath": "/repository"}
REPOSITORIES_CLAIM = {"name": "repository", "persistentVolumeClaim": {"claimName": "repository"}}


def wait_until(look, timeout=120):
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {look}"
        time.sleep(0.1)
    return found


class Cluster:
    """A namespace of the tests' own, seen as the administrator."""

    def __init__(self, kubeconfig, directory):
        self.api = config.new_client_from_config(str(kubeconfig))
        self.core, self.apps, self.batch = (
            kind(self.api) for kind in (client.CoreV1Api, client.AppsV1Api, client.BatchV1Api)
        )
        self.namespace = f"stash-jobs-{secrets.token_hex(3)}"
        self._kubeconfig, self._directory = kubeconfig, directory

    @classmethod
    @contextmanager
    def of(cls, kubeconfig, directory):
        """Make the namespace, with a claim for repositories and an etcd, and remove it in the end."""
        one = cls(kubeconfig, directory)
        try:
            make_namespace(one.core, one.namespace)
            claim = {
                "metadata": {"name": "repository"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
            one.core.create_namespaced_persistent_volume_claim(one.namespace, claim)
            one.etcd = start_etcd(one)
            yield one
        finally:
            one.core.delete_namespace(one.namespace)

    def connection(self, rules, **extra):
        """Give a kubernetes connection of a new service account with these rules."""
        file = kubeconfig_of(self.api, self._kubeconfig, self.namespace, rules, self._directory)
        extra = {"kube_config_path": str(file), "namespace": self.namespace, **extra}
        return json.dumps({"conn_type": "kubernetes", "extra": extra})

    def etcd_connection(self):
        """Give an etcd connection with its password."""
        return json.dumps(
            {"conn_type": "etcd", "host": self.etcd, "login": "root", "password": ETCD_PASSWORD}
        )

    def repository(self, name):
        """Give a repository on the claim, which etcd's Pod has, too."""
        return ClaimRepository(
            f"/repository/{name}",
            REPOSITORY_PASSWORD,
            lambda script: run_in_pod(self.core, "etcd", self.namespace, script),
        )

    def left(self):
        """Name what Jobs have left in the namespace."""
        listed = [
            *self.batch.list_namespaced_job(self.namespace).items,
            *self.core.list_namespaced_pod(self.namespace).items,
            *self.core.list_namespaced_secret(self.namespace).items,
            *self.core.list_namespaced_persistent_volume_claim(self.namespace).items,
        ]
        return sorted(one.metadata.name for one in listed if one.metadata.name.startswith("stash-"))

    def wait_clean(self):
        wait_until(lambda: not self.left())

    def jobs(self):
        """Give the Jobs that are not on their way out: one stays until its Pod is gone."""
        listed = self.batch.list_namespaced_job(self.namespace).items
        return [one for one in listed if one.metadata.deletion_timestamp is None]

    def log(self, pod):
        """Give a pod's log; empty before it has started."""
        with suppress(ApiException):
            return self.core.read_namespaced_pod_log(
                pod, self.namespace, _preload_content=False
            ).data.decode()
        return ""

    def wait_for_line(self, words, job=None):
        """Wait until a Job's container has written these words."""
        selector = "job-name" if job is None else f"job-name={job}"

        def look():
            for pod in self.core.list_namespaced_pod(self.namespace, label_selector=selector).items:
                if words in self.log(pod.metadata.name):
                    return pod
            return None

        return wait_until(look)


@pytest.fixture(scope="module")
def cluster(kubeconfig, tmp_path_factory):
    with Cluster.of(kubeconfig, tmp_path_factory.mktemp("accounts")) as one:
        yield one


def start_etcd(cluster):
    """Start a one-member etcd with a root user; gives its endpoint."""
    script = (
        "etcd --data-dir=/data/etcd --listen-client-urls=http://0.0.0.0:2379 --advertise-client-urls=http://$ADDRESS:2379 "
        "--bcrypt-cost=4 & "
        "export ETCDCTL_API=3; until etcdctl endpoint health; do sleep 0.2; done; "
        f"for i in $(seq {KEYS}); do etcdctl put key$i value$i; done; "
        f"etcdctl user add root:{ETCD_PASSWORD} && etcdctl user grant-role root root; etcdctl auth enable && echo READY; "
        "wait"
    )
    pod = {
        "metadata": {"name": "etcd", "labels": {"app": "etcd"}},
        "spec": {
            "containers": [{
                "name": "etcd", "image": ETCD_IMAGE, "command": ["/bin/sh", "-c", script],
                "env": [{"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, REPOSITORIES],
            }],
            "volumes": [{"name": "data", "emptyDir": {}}, REPOSITORIES_CLAIM],
        },
    }  # fmt: skip
    cluster.core.create_namespaced_pod(cluster.namespace, pod)
    wait_until(lambda: "READY" in cluster.log("etcd"))
    return f"http://{cluster.core.read_namespaced_pod('etcd', cluster.namespace).status.pod_ip}:2379"


def settings_of_jobs():
    """Say how a Job runs here: the repository is on a claim."""
    return KubernetesJob(
        image=IMAGE,
        pod={
            "securityContext": {"fsGroup": 65532},
            "volumes": [REPOSITORIES_CLAIM],
        },
        container={"volumeMounts": [REPOSITORIES]},
        startup_timeout=60.0,
        poll_interval=1.0,
    )


@pytest.fixture
def repository(cluster):
    """The one on the claim that ``job``'s connection names; it is yet to be made."""
    return cluster.repository(secrets.token_hex(3))


@pytest.fixture
def job(cluster, repository, monkeypatch):
    """Connections with credentials, and how a Job runs: as an account with exactly the docs' Role."""
    rules = role("airflow-stash-backup")["rules"]
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", cluster.connection(rules))
    monkeypatch.setenv("AIRFLOW_CONN_ETCD_DEFAULT", cluster.etcd_connection())
    monkeypatch.setenv("AIRFLOW_CONN_RESTIC_DEFAULT", repository.connection())
    return settings_of_jobs()


@pytest.fixture
def waiting(job, monkeypatch):
    """A step that goes on until it is ended: there is no etcd."""
    monkeypatch.setenv("AIRFLOW_CONN_ETCD_DEFAULT", NOTHING_THERE)
    return EtcdWaitOperator(task_id="wait", execution=job, timeout=600, poke_interval=0.5)


class Run:
    """Stands for a task instance of one run: what operators ask of it."""

    def __init__(self):
        self.run_id = f"manual__{secrets.token_hex(4)}"
        self.try_number = 1
        self.results = {}
        self.events = _Events()

    def context(self, operator):
        ti = SimpleNamespace(
            dag_id="d",
            task_id=operator.task_id,
            run_id=self.run_id,
            map_index=-1,
            try_number=self.try_number,
            max_tries=0,
            xcom_pull=self._pull,
            xcom_push=lambda key, value: None,
        )
        return {"ti": ti, "outlet_events": self.events}

    def _pull(self, task_ids):
        return self.results.get(task_ids)

    def execute(self, operator):
        result = operator.execute(self.context(operator))
        self.results[operator.task_id] = result
        return result


class _Events(dict):
    def __missing__(self, key):
        self[key] = SimpleNamespace(extra=None)
        return self[key]


@pytest.fixture
def run(cluster):
    yield Run()
    cluster.wait_clean()  # whatever the test did, nothing may stay


def without(rules, resource, verb):
    """Give rules with one permission less."""
    less = [
        {**rule, "verbs": [one for one in rule["verbs"] if resource not in rule["resources"] or one != verb]}
        for rule in rules
    ]
    return [rule for rule in less if rule["verbs"]]  # a rule without a verb is refused


PERMISSIONS = [
    (resource, verb) for rule in role("airflow-stash-backup")["rules"]
    for resource in rule["resources"] for verb in rule["verbs"]
]  # fmt: skip
