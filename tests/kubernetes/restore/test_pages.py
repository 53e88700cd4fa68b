"""docs/kubernetes.md and docs/kubernetes-restore.md, followed from an empty cluster: what they say is what is done here."""

import base64
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from airflow.sdk import DAG
from kubernetes import client
from kubernetes.utils import create_from_dict

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.step import StepOperator
from testbed.etcd_access import PASSWORD
from tests.kubernetes.accounts import kubeconfig_with
from tests.kubernetes.pages import DOCS, blocks
from tests.kubernetes.restore.conftest import IMAGE
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet
from tests.kubernetes.restore.run import Run

BACKUP, RESTORE = PAGES = ("kubernetes.md", "kubernetes-restore.md")
THEIR_IMAGE = "registry.example.com/airflow-stash-step:0.1"
REPOSITORY_PASSWORD = "repository-password"


class Kubectl:
    """Does what the pages' commands do; there is no kubectl."""

    def __init__(self, api):
        self.api, self.namespaces, self.token = api, [], None
        self._files = {}
        for page in PAGES:
            for block in blocks(page, "yaml"):
                name = re.match(r"# (\S+\.yaml)\n", block)
                assert name, f"{page} has a block whose first line is no file's name: {block[:200]}"
                self._files[name[1]] = block

    def run(self, line):
        kubectl, *words = shlex.split(line)
        assert kubectl == "kubectl"
        match words:
            case ["create", "namespace", name]:
                create_from_dict(
                    self.api, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                )
                self.namespaces.append(name)
            case ["apply", "--namespace", namespace, "--filename", name]:
                for one in yaml.safe_load_all(self._files.pop(name)):
                    create_from_dict(self.api, one, namespace=namespace)
            case ["create", "token", name, "--namespace", namespace, "--duration", _]:
                core = client.CoreV1Api(self.api)
                asked = {"spec": {"expirationSeconds": 3600}}
                self.token = core.create_namespaced_service_account_token(name, namespace, asked).status.token
            case _:
                raise NotImplementedError(line)

    @property
    def not_applied(self):
        return set(self._files)


@pytest.fixture
def kubectl(admin):
    one = Kubectl(admin)
    yield one
    for name in one.namespaces:
        client.CoreV1Api(admin).delete_namespace(name)


def fill_in(api, namespace, secret, values):
    """Give a Secret of the pages real values; None: the key goes."""
    coded = {key: value and base64.b64encode(value.encode()).decode() for key, value in values.items()}
    client.CoreV1Api(api).patch_namespaced_secret(secret, namespace, {"data": coded})


def dag_of(page):
    (block,) = blocks(page, "python")
    scope = {}
    exec(block.replace(THEIR_IMAGE, IMAGE), scope)
    return scope["dag"]


def run_steps(dag):
    """Run all that isn't around the session, or its way back."""
    run = Run(lambda: dag, {})
    for task in dag.topological_sort():
        if isinstance(task, StepOperator) or task.task_id in {
            "stop_members",
            "fill_members",
            "start_members",
        }:
            run.execute(task.task_id)
    return run


def test_the_image_is_the_one_that_is_built():
    text = "".join((DOCS / page).read_text() for page in PAGES)
    assert set(re.findall(r"registry\.example\.com/[\w:./-]+", text)) == {THEIR_IMAGE}
    (build,) = re.findall(r"podman build -f (\S+) -t (\S+) \.", text)
    assert build[1] == THEIR_IMAGE
    assert (DOCS.parent / build[0]).is_file()
    (defaults,) = re.findall(r'`(\{"image".*\})`', text)
    assert KubernetesJob().with_defaults(json.loads(defaults)).image == THEIR_IMAGE


def test_a_task_of_the_users_own():
    (block,) = blocks("own-tasks.md", "python")
    manifests = Path(__file__).parents[1] / "jobs" / "own_task.yaml"
    scope = {}
    exec(block.replace("/opt/airflow/stash", str(manifests)), scope)
    assert any(isinstance(one, DAG) for one in scope.values())


@pytest.mark.timeout(900)
def test_from_an_empty_cluster(admin, kubeconfig, kubectl, repository_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")  # no worker is left to be waited for
    lines = [line for block in blocks(BACKUP, "sh") for line in block.splitlines()]
    for line in lines:
        if not line.startswith("AIRFLOW_CONN_"):
            kubectl.run(line)
    (namespace,) = kubectl.namespaces
    assert namespace == "demo"

    # What is the user's own: passwords, where the repository is, and the kubeconfig's place.
    fill_in(admin, namespace, "etcd-auth", {"password": PASSWORD})
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")) | repository_server.keys
    fill_in(admin, namespace, "s3-storage", {"RESTIC_PASSWORD": REPOSITORY_PASSWORD, **keys})
    places = {
        "s3:https://s3.example.com/backups/etcd-demo": repository_server.location("etcd-demo"),
        "/etc/airflow/demo.kubeconfig": str(
            kubeconfig_with(kubeconfig, kubectl.token, tmp_path / "demo.kubeconfig")
        ),
    }
    for line in lines:
        if line.startswith("AIRFLOW_CONN_"):
            (assignment,) = shlex.split(line)
            name, _, value = assignment.partition("=")
            for theirs, ours in places.items():
                value = value.replace(theirs, ours)
            monkeypatch.setenv(name, value)

    etcd = EtcdStatefulSet(admin, namespace, tmp_path, size=1, password=PASSWORD)
    etcd.start()
    etcd.fill(100)
    before = etcd.all_keys()
    backup = run_steps(dag_of(BACKUP))
    assert backup.results["backup"]["keyCount"] == 100

    etcd.delete()
    for block in blocks(RESTORE, "sh"):
        kubectl.run(block)
    restore = run_steps(dag_of(RESTORE))
    assert restore.results["verify"]["keyCount"] == 100
    assert etcd.all_keys() == before
    assert kubectl.not_applied == {"airflow-stash-restore-pod.yaml", "airflow-stash-hooks.yaml"}
    for name in kubectl.not_applied:  # which are for other targets
        kubectl.run(f"kubectl apply --namespace demo --filename {name}")
