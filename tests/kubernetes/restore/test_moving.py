"""
What docs/moving-from-stash.md does by kubectl: out of a cluster with Stash's objects, and back into it.

In a cluster that is no kubesim Stash's CRDs must be there.
"""

import shlex

import pytest
import yaml

from airflow_provider_stash.resources import load, plan_all
from airflow_provider_stash.resources.appbinding import Secret
from airflow_provider_stash.resources.backup import BackupConfiguration
from airflow_provider_stash.resources.task import Function, Task
from testbed.stash_objects import read_objects, secret, write_objects
from tests.integration.airflow.local_manifests import EXAMPLES
from tests.integration.airflow.moving_page import PAGE, Page
from tests.kubernetes.kubectl import Kubectl


@pytest.fixture
def team(kubeconfig, own_namespace, tmp_path):
    """A cluster in which Stash's guide was followed; its namespace is that of the objects."""
    kubectl = Kubectl(kubeconfig, tmp_path)
    objects = read_objects(EXAMPLES)
    objects["storage"] = secret("gcs-secret", RESTIC_PASSWORD="the-password")
    for one in objects.values():
        one["metadata"]["namespace"] = own_namespace.name
    write_objects(tmp_path / "applied", objects)
    kubectl.run("kubectl apply -f applied")
    (tmp_path / "stash").mkdir()
    return kubectl, own_namespace.name


def commands(namespace):
    """Give the page's lines that call kubectl, for this namespace."""
    page = Page()
    lines = [shlex.join(one).replace("'>'", ">") for one in page.commands if one[0] == "kubectl"]
    return [line.replace("moving", namespace) for line in lines]


def test_what_kubectl_gives_is_read_and_what_it_patches(team):
    kubectl, namespace = team
    get, patch = commands(namespace)
    applied, told = kubectl.directory / "applied", kubectl.directory / "stash"

    kubectl.run(get)
    (file,) = told.iterdir()
    kinds = {one["kind"] for one in yaml.safe_load(file.read_text())["items"]}
    assert kinds == {"AppBinding", "Repository", "BackupConfiguration", "RestoreSession", "Secret"}
    manifests, written = load(told), load(applied)
    assert manifests.refusals == []
    plans, refusals = plan_all(manifests)
    assert refusals == []
    theirs, _ = plan_all(written)
    assert {one.dag_id for one in plans} == {one.dag_id for one in theirs}
    for plan in plans:
        (their,) = (one for one in theirs if one.dag_id == plan.dag_id)
        assert (plan.members, plan.repository, plan.schedule) == (
            their.members,
            their.repository,
            their.schedule,
        )
    assert manifests.get(Secret, namespace, "gcs-secret").values() == {"RESTIC_PASSWORD": b"the-password"}

    kubectl.run(patch)
    kubectl.run(get)
    patched = load(told).get(BackupConfiguration, namespace, "etcd-backup")
    assert patched.spec.paused is True


def test_a_task_and_its_functions_are_read(kubeconfig, tmp_path):
    kubectl = Kubectl(kubeconfig, tmp_path)
    guide = EXAMPLES.parent / "guides" / "task-and-functions.yaml"
    (tmp_path / "stash").mkdir()
    kubectl.run(f"kubectl apply -f {guide}")
    try:
        (line,) = [part for part in PAGE.read_text().split("`") if part.startswith("kubectl get task,")]
        kubectl.run(line)
    finally:
        kubectl.run(f"kubectl delete -f {guide}")
    manifests, written = load(tmp_path / "stash"), load(guide)
    assert manifests.refusals == []
    for model in (Task, Function):
        found, theirs = (
            {one.object.name: one.object.spec for one in of.all(model)} for of in (manifests, written)
        )
        assert found == theirs != {}
