"""A namespace with an account that has exactly the docs' Role, and the steps of a restore in it."""

import json
import logging
import os
import secrets
import time
from dataclasses import replace

import pytest
from kubernetes import client, config

from airflow_provider_stash.dags import etcd_backup_dag
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.steps.backup import back_up
from airflow_provider_stash.steps.fetch import FetchOptions, check_workload, fetch_snapshot, source_of
from airflow_provider_stash.steps.resolve import resolve_snapshot
from airflow_provider_stash.steps.roll_back import roll_back
from airflow_provider_stash.steps.verify import verify_restore
from airflow_provider_stash.workloads.base import FillRequest
from testbed.binaries import newest_etcd, restics
from testbed.process import wait_until
from testbed.restic_repository import make_repository
from tests.kubernetes.accounts import kubeconfig_of
from tests.kubernetes.namespaces import make_namespace
from tests.kubernetes.pages import role
from tests.kubernetes.restore.etcd_in_cluster import RepositoryServer
from tests.kubernetes.restore.run import Run

IMAGE = os.environ.get("STASH_TEST_IMAGE", "kubesim/stash:test")


@pytest.fixture(scope="session")
def admin(kubeconfig):
    return config.new_client_from_config(str(kubeconfig))


@pytest.fixture(scope="module")
def repository_server(admin):
    core, name = client.CoreV1Api(admin), f"stash-repository-{secrets.token_hex(3)}"
    make_namespace(core, name)
    yield RepositoryServer(admin, name)
    core.delete_namespace(name)


class Namespace:
    """A namespace of its own, and accounts in it."""

    def __init__(self, admin, kubeconfig, directory):
        self.api, self.name, self.directory = admin, f"stash-restore-{secrets.token_hex(3)}", directory
        self.core, self._kubeconfig = client.CoreV1Api(admin), kubeconfig
        make_namespace(self.core, self.name)

    def account(self, rules):
        """Make a service account with these rules; gives a kubeconfig."""
        return kubeconfig_of(self.api, self._kubeconfig, self.name, rules, self.directory)

    def client(self, rules):
        return config.new_client_from_config(str(self.account(rules)))

    def left(self):
        """Name Jobs and Job Secrets that there still are."""
        jobs = client.BatchV1Api(self.api).list_namespaced_job(self.name).items
        kept = self.core.list_namespaced_secret(self.name).items
        return [one.metadata.name for one in [*jobs, *kept]
                if one.metadata.name.startswith("stash-") and not one.metadata.name.startswith("stash-restore-")]  # fmt: skip


@pytest.fixture(scope="module")
def namespace(admin, kubeconfig, tmp_path_factory):
    one = Namespace(admin, kubeconfig, tmp_path_factory.mktemp("accounts"))
    yield one
    one.core.delete_namespace(one.name)


@pytest.fixture
def own_namespace(admin, kubeconfig, tmp_path):
    """One that no other test sees."""
    one = Namespace(admin, kubeconfig, tmp_path)
    yield one
    one.core.delete_namespace(one.name)


class Restore:
    """The steps of a restore in their order, as an account with exactly the docs' Role."""

    job = KubernetesJob(image=IMAGE, startup_timeout=60.0, poll_interval=1.0, ttl=600)

    def __init__(self, namespace, repository, work_dir, workload, rules):
        self.namespace, self.repository, self.key = namespace, repository, f"restore-{secrets.token_hex(3)}"
        client = namespace.client(rules)
        self.workload = workload.connected(client, self.job, namespace.name)
        self.options = FetchOptions(work_dir=str(work_dir), etcd_tools=newest_etcd(), rehearse=False)
        make_repository(repository)

    def back_up(self, etcd):
        return back_up(etcd.config(), self.repository)

    def back_up_by_job(self):
        """Back up as the DAG's task does, by the test's ``connections``."""
        job = replace(self.job, kubernetes_conn_id="cluster")
        connections = {"etcd_conn_id": "etcd", "repository_conn_id": "repository"}
        return Run(etcd_backup_dag, {"dag_id": "backup", **connections, "execution": job}).execute("backup")

    def fetch(self, etcd):
        chosen = resolve_snapshot(self.repository)
        checked = check_workload(self.workload, self.repository, snapshot=chosen, key=self.key)
        return fetch_snapshot(
            etcd.config(), self.repository, snapshot=chosen, key=self.key, checked=checked, keep_file=False,
            fetch=self.options,
        )  # fmt: skip

    def request(self, plan):
        return FillRequest(
            None,
            plan["totalSize"],
            plan["token"],
            plan["bumpRevision"],
            source=source_of(self.repository, plan),
        )

    def fill(self, plan):
        return self.workload.fill(self.request(plan), key=self.key)

    def jobs(self, component):
        """Name the Pods of Jobs of a step that run now."""
        label = f"app.kubernetes.io/component={component}"
        pods = self.namespace.core.list_namespaced_pod(self.namespace.name, label_selector=label).items
        return [pod.metadata.name for pod in pods if pod.status.phase == "Running"]

    def verify(self, etcd, plan):
        result = verify_restore(etcd.config(), names=list(self.workload.peer_urls), plan=plan, timeout=60)
        self.workload.accept(key=self.key)
        return result

    def run(self, etcd):
        seconds, begin = {}, time.monotonic()

        def did(step):
            nonlocal begin
            seconds[step], begin = round(time.monotonic() - begin, 1), time.monotonic()

        plan = self.fetch(etcd)
        did("fetch")
        self.workload.stop(key=self.key)
        did("stop")
        self.fill(plan)
        did("fill")
        self.workload.start(key=self.key)
        did("start")
        verified = self.verify(etcd, plan)
        did("verify")
        logging.getLogger(__name__).info("Seconds: %s", seconds)
        return plan, verified

    def roll_back(self, etcd):
        return roll_back(etcd.config(), self.workload, key=self.key, timeout=60)

    def clean_up(self):
        return self.workload.remove_old_data(key=self.key, keep_restores=1, keep_days=14)


@pytest.fixture
def repository(repository_server):
    return repository_server.repository(secrets.token_hex(4), restics()[0])


@pytest.fixture
def connections(namespace, repository, monkeypatch):
    """Set the connections ``cluster``, ``etcd`` and ``repository``, as a user has them."""

    def set_up(etcd, place=namespace):
        account = place.account(role("airflow-stash-restore")["rules"])
        extra = {"kube_config_path": str(account), "namespace": place.name, "stash_job": {"image": IMAGE}}
        kubernetes = json.dumps({"conn_type": "kubernetes", "extra": extra})
        location, password = repository.location, repository.password
        restic = json.dumps({"conn_type": "restic", "host": location, "password": password})
        monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", kubernetes)
        monkeypatch.setenv("AIRFLOW_CONN_ETCD", etcd.connection())
        monkeypatch.setenv("AIRFLOW_CONN_REPOSITORY", restic)

    return set_up


@pytest.fixture
def restore_of(repository, tmp_path):
    """Make a ``Restore`` of a workload, with a Role of the docs."""
    made = []

    def make(namespace, workload, rules):
        made.append(Restore(namespace, repository, tmp_path, workload, rules))
        return made[0]

    yield make
    wait_until(lambda: not any(one.namespace.left() for one in made), "nothing of the Jobs is left", 60)
