"""docs/kubernetes.md and docs/kubernetes-restore.md, followed from an empty cluster: what they say is what is done here."""

import base64
import json
import re
import shlex
from pathlib import Path

import pytest
from airflow.sdk import DAG
from kubernetes import client

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.step import StepOperator
from testbed.etcd_access import PASSWORD
from tests.kubernetes.accounts import kubeconfig_with
from tests.kubernetes.kubectl import Kubectl
from tests.kubernetes.pages import DOCS, blocks
from tests.kubernetes.restore.conftest import IMAGE
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet
from tests.kubernetes.restore.run import Run

BACKUP, RESTORE = PAGES = ("kubernetes.md", "kubernetes-restore.md")
THEIR_IMAGE = "registry.example.com/airflow-stash-step:0.1"
REPOSITORY_PASSWORD = "repository-password"


class Reader:
    """Runs the pages' commands, in a directory with their files."""

    def __init__(self, kubeconfig, directory):
        self._kubectl, self.namespaces, self.token = Kubectl(kubeconfig, directory), [], None
        self.not_applied = set()
        for page in PAGES:
            for block in blocks(page, "yaml"):
                name = re.match(r"# (\S+\.yaml)\n", block)
                assert name, f"{page} has a block whose first line is no file's name: {block[:200]}"
                (directory / name[1]).write_text(block)
                self.not_applied.add(name[1])

    def run(self, line):
        match shlex.split(line):
            case ["kubectl", "create", "namespace", name]:
                self.namespaces.append(name)
            case ["kubectl", "apply", "--namespace", _, "--filename", name]:
                self.not_applied.remove(name)
        told = self._kubectl.run(line)
        if line.startswith("kubectl create token"):
            self.token = told.strip()


@pytest.fixture
def reader(kubeconfig, admin, tmp_path):
    directory = tmp_path / "reader"
    directory.mkdir()
    one = Reader(kubeconfig, directory)
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
def test_from_an_empty_cluster(admin, kubeconfig, reader, repository_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")  # no worker is left to be waited for
    lines = [line for block in blocks(BACKUP, "sh") for line in block.splitlines()]
    for line in lines:
        if not line.startswith("AIRFLOW_CONN_"):
            reader.run(line)
    (namespace,) = reader.namespaces
    assert namespace == "demo"

    # What is the user's own: passwords, where the repository is, and the kubeconfig's place.
    fill_in(admin, namespace, "etcd-auth", {"password": PASSWORD})
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")) | repository_server.keys
    fill_in(admin, namespace, "s3-storage", {"RESTIC_PASSWORD": REPOSITORY_PASSWORD, **keys})
    places = {
        "s3:https://s3.example.com/backups/etcd-demo": repository_server.location("etcd-demo"),
        "/etc/airflow/demo.kubeconfig": str(
            kubeconfig_with(kubeconfig, reader.token, tmp_path / "demo.kubeconfig")
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
        reader.run(block)
    restore = run_steps(dag_of(RESTORE))
    assert restore.results["verify"]["keyCount"] == 100
    assert etcd.all_keys() == before
    assert reader.not_applied == {"airflow-stash-restore-pod.yaml", "airflow-stash-hooks.yaml"}
    for name in sorted(reader.not_applied):  # which are for other targets
        reader.run(f"kubectl apply --namespace demo --filename {name}")
