"""Hooks in the target's pod, as a service account that has exactly the Role of the docs."""

import logging
import secrets
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException
from kubernetes import client, config

from airflow_provider_stash.dags import ManifestSettings, dags_from_manifests
from airflow_provider_stash.exceptions import (
    HookError,
    KubernetesError,
    KubernetesPermissionError,
    WorkloadError,
)
from airflow_provider_stash.operators.base import TaskKilled
from airflow_provider_stash.operators.hook import StashHookOperator
from airflow_provider_stash.workloads.target_pod import TargetPod
from tests.kubernetes.jobs.conftest import (
    ETCD_IMAGE,
    ETCD_PASSWORD,
    KEYS,
    REPOSITORY_PASSWORD,
    Run,
    role,
    settings_of_jobs,
    wait_until,
    without,
)
from tests.kubernetes.jobs.test_steps import when
from tests.kubernetes.pods import run_in_pod
from tests.kubernetes.versions import need_version

GUIDE = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"
RULES = role("airflow-stash-hooks")["rules"]
SERVICE = TargetPod("Service", "target")
LABELS = {"app": "target"}


def pod_spec():
    """A database beside a helper that stands first, as one that was injected; ready once a file is there."""
    serve = "exec etcd --data-dir=/data/etcd --listen-client-urls=http://0.0.0.0:2379 --advertise-client-urls=http://127.0.0.1:2379"
    sleep = "trap 'exit 0' TERM; while true; do sleep 0.2; done"
    probe = {"exec": {"command": ["test", "-e", "/data/ready"]}, "periodSeconds": 1}
    return {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {"name": "helper", "image": ETCD_IMAGE, "command": ["/bin/sh", "-c", sleep]},
            {
                "name": "database", "image": ETCD_IMAGE, "command": ["/bin/sh", "-c", serve],
                "ports": [{"name": "client", "containerPort": 2379}], "readinessProbe": probe,
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        ],
        "volumes": [{"name": "data", "emptyDir": {}}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def target(cluster):
    """A StatefulSet of two behind a Service; its first pod never gets ready by itself."""
    annotations = {"kubectl.kubernetes.io/default-container": "database"}
    template = {"metadata": {"labels": LABELS, "annotations": annotations}, "spec": pod_spec()}
    cluster.core.create_namespaced_service(
        cluster.namespace,
        {"metadata": {"name": "target"}, "spec": {"selector": LABELS, "ports": [{"port": 2379}]}},
    )
    cluster.apps.create_namespaced_stateful_set(
        cluster.namespace,
        {
            "metadata": {"name": "target"},
            "spec": {
                "replicas": 2, "serviceName": "target", "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": LABELS}, "template": template,
            },
        },
    )  # fmt: skip
    wait_until(lambda: running(cluster) == ["target-0", "target-1"])
    run_in_pod(cluster.core, "target-1", cluster.namespace, "touch /data/ready", container="database")
    wait_until(lambda: ready(cluster) == ["target-1"])
    return cluster


def pods(cluster):
    return cluster.core.list_namespaced_pod(cluster.namespace, label_selector="app=target").items


def running(cluster):
    return sorted(
        one.metadata.name
        for one in pods(cluster)
        if one.status.container_statuses and all(each.state.running for each in one.status.container_statuses)
    )


def ready(cluster):
    return sorted(
        one.metadata.name
        for one in pods(cluster)
        if any(c.type == "Ready" and c.status == "True" for c in one.status.conditions or [])
    )


@pytest.fixture
def hook(target, monkeypatch):
    """Runs a handler, as Airflow runs it before a session."""

    def run(handler, *, pod=SERVICE, rules=RULES):
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", target.connection(rules))
        operator = StashHookOperator(
            task_id="h",
            phase="preBackup",
            handler=handler,
            target_pod=pod,
            session={"target": {"name": "etcd"}},
        )
        ti = SimpleNamespace(
            dag_id="d", task_id="h", run_id="run-1", map_index=-1, try_number=1, max_tries=0,
            xcom_push=lambda key, value: None, xcom_pull=lambda **_: None,
        )  # fmt: skip
        return operator.execute({"ti": ti, "dag_run": SimpleNamespace(start_date=None)})

    return run


def command(*words, container=None):
    return {"exec": {"command": list(words)}, **({"containerName": container} if container else {})}


def test_a_command_runs_in_the_first_ready_pods_default_container(hook, target, caplog):
    caplog.set_level(logging.INFO)
    script = 'echo "$0 on $(hostname)"; echo to stderr >&2; ls -d /data/etcd'
    done = hook(command("/bin/sh", "-c", script, "{{ .Target.Name }} {{ .Status.Phase }}"))
    assert done["actions"] == [
        {"action": "exec", "pod": f"{target.namespace}/target-1", "container": "database"}
    ]
    for line in ("etcd Succeeded on target-1", "to stderr", "/data/etcd"):
        assert line in caplog.messages
    assert "echo" not in caplog.text  # the command may hold a secret


def test_a_container_by_name(hook):
    done = hook(command("/bin/sh", "-c", "! ls -d /data/etcd", container="helper"))
    assert done["actions"][0]["container"] == "helper"
    with pytest.raises(AirflowFailException, match=r"has no container 'x' .* it has helper, database"):
        hook(command("true", container="x"))


def test_a_command_that_fails_fails_the_task(hook, target):
    script = "for i in $(seq 1 9); do echo line $i; done; echo no lock to be had >&2; exit 3"
    where = f"container database of pod {target.namespace}/target-1"
    with pytest.raises(HookError) as caught:
        hook(command("/bin/sh", "-c", script, "s3cret"))
    assert f"{where} ended with exit code 3: " in str(caught.value)
    assert "no lock to be had" in str(caught.value)
    assert "line 4" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_program_that_is_not_there(hook):
    with pytest.raises(HookError, match="no-such-program"):
        hook(command("no-such-program"))


def test_much_output_is_cut(hook, caplog):
    caplog.set_level(logging.INFO)
    hook(command("/bin/sh", "-c", "seq 1 200000"))
    assert "1000" in caplog.messages
    assert "1001" not in caplog.messages
    assert "... and 199000 lines more, which are not shown." in caplog.messages


def test_requests_without_a_host_and_with_a_named_port(hook, target):
    address = target.core.read_namespaced_pod("target-1", target.namespace).status.pod_ip
    get = {"httpGet": {"port": "client", "path": "/health"}, "tcpSocket": {"port": "client"}}
    # Neither is a command: its permission is not needed.
    rules = [rule for rule in RULES if "pods/exec" not in rule["resources"]]
    done = hook(get, rules=rules)
    assert done["actions"] == [
        {"action": "httpGet", "address": f"http://{address}:2379", "status": 200},
        {"action": "tcpSocket", "address": f"{address}:2379"},
    ]
    with pytest.raises(AirflowFailException, match="database .* has no port 'web'; it has client"):
        hook({"tcpSocket": {"port": "web"}})


@pytest.mark.parametrize("pod", [TargetPod("StatefulSet", "target"), TargetPod("Pod", "target-1")])
def test_a_pod_of_a_statefulset_or_by_name(hook, target, pod):
    done = hook(command("true"), pod=pod)
    assert done["actions"][0]["pod"] == f"{target.namespace}/target-1"


@pytest.mark.parametrize(
    ("pod", "verb", "resource"),
    [
        (SERVICE, "get", "services"),
        (SERVICE, "list", "pods"),
        (SERVICE, "create", "pods/exec"),
        (SERVICE, "get", "pods/exec"),
        (TargetPod("StatefulSet", "target"), "get", "statefulsets"),
        (TargetPod("Pod", "target-1"), "get", "pods"),
    ],
)
def test_a_permission_less_is_named(hook, target, pod, verb, resource):
    if (verb, resource) == ("create", "pods/exec"):
        need_version(target.api, 35, "exec by a websocket wants the verb create, too")
    with pytest.raises(AirflowFailException) as caught:
        hook(command("true"), pod=pod, rules=without(RULES, resource, verb))
    assert isinstance(caught.value.__cause__, KubernetesPermissionError)
    assert f'cannot {verb} resource "{resource}"' in str(caught.value)
    assert "Role in docs/kubernetes.md" in str(caught.value)


def test_a_pod_that_is_not_ready_and_a_service_that_is_not_there(target):
    with pytest.raises(WorkloadError) as caught:
        TargetPod("Pod", "target-0").find(target.api, target.namespace, timeout=1)
    words = (
        f"Pod {target.namespace}/target-0: no pod is ready (target-0 is running, but not ready) after 1 s."
    )
    assert words in str(caught.value)
    with pytest.raises(KubernetesError, match=r"Service .*/absent, .* is not there"):
        TargetPod("Service", "absent").find(target.api, target.namespace, timeout=1)


@pytest.fixture
def marker(target, kubeconfig):
    """Tells when a command that touches a file has begun; by a client of its own, as it is asked in another thread."""
    name = f"/data/{secrets.token_hex(4)}"
    core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))

    def begun():
        script = f"ls {name} 2>/dev/null"
        return name in run_in_pod(core, "target-1", target.namespace, script, container="database")

    return SimpleNamespace(name=name, begun=begun, core=core)


def test_a_task_that_is_killed_while_its_command_runs(hook, marker):
    def kill():
        raise TaskKilled

    begin = time.monotonic()
    with pytest.raises(TaskKilled), when(marker.begun, kill):
        hook(command("/bin/sh", "-c", f"touch {marker.name}; sleep 300"))
    assert time.monotonic() - begin < 250


def test_a_pod_that_goes_while_its_command_runs(hook, target, marker):
    """It ends by a signal, or without a word: in both cases the hook has failed."""

    def delete():
        marker.core.delete_namespaced_pod("target-1", target.namespace, grace_period_seconds=0)

    with (
        when(marker.begun, delete),
        pytest.raises(HookError, match=r"exec: the command .* of pod .*/target-1"),
    ):
        hook(command("/bin/sh", "-c", f"touch {marker.name}; sleep 300"))


def manifests(cluster, directory):
    """The guide's objects in the tests' namespace; hooks lock the database while it is backed up, as Stash's guide does."""
    read = {path.stem: yaml.safe_load(path.read_text()) for path in GUIDE.iterdir()}
    read["secret"]["stringData"] = {"username": "root", "password": ETCD_PASSWORD}
    read["repository"]["spec"]["backend"] = {
        "local": {"mountPath": "/repository", "subPath": "by-manifest", "persistentVolumeClaim": {"claimName": "repository"}},
        "storageSecretName": "gcs-secret",
    }  # fmt: skip
    read["storage"] = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gcs-secret"},
        "stringData": {"RESTIC_PASSWORD": REPOSITORY_PASSWORD},
    }  # fmt: skip
    read["backupconfiguration"]["spec"]["hooks"] = {
        "preBackup": command("/bin/sh", "-c", "touch /data/locked; echo locked", container="etcd"),
        "postBackup": {
            **command("/bin/sh", "-c", 'rm /data/locked && echo "$0" | tee /data/outcome', "{{ .Status.Phase }} {{ .Invoker.Name }}"),
            "executionPolicy": "Always",
        },
    }  # fmt: skip
    for name, document in read.items():
        document["metadata"]["namespace"] = cluster.namespace
        if name != "restoresession":
            (directory / f"{name}.yaml").write_text(yaml.safe_dump(document))
    return directory


class HookedRun(Run):
    """A run whose session's tasks have all succeeded."""

    def context(self, operator):
        context = super().context(operator)
        context["ti"].get_task_states = lambda task_ids, run_ids, **_: {
            run_ids[0]: dict.fromkeys(task_ids, "success")
        }
        context["ti"].xcom_pull = lambda **_: None  # no task had a failed try
        return {**context, "dag_run": SimpleNamespace(start_date=None, conf={})}


def test_a_manifests_hooks_run_around_its_session(cluster, monkeypatch, tmp_path):
    service = {"selector": {"app": "etcd"}, "ports": [{"port": 2379}]}
    cluster.core.create_namespaced_service(cluster.namespace, {"metadata": {"name": "etcd"}, "spec": service})
    rules = role("airflow-stash-backup")["rules"] + RULES
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", cluster.connection(rules))
    settings = ManifestSettings(execution=settings_of_jobs(), backup={"one_task": True})
    cluster.repository("by-manifest").make()
    dags = dags_from_manifests(manifests(cluster, tmp_path), settings=settings)
    dag = dags[f"stash.{cluster.namespace}.backupconfiguration.etcd-backup"]
    assert dag.get_task("pre_backup").target_pod == TargetPod("Service", "etcd", cluster.namespace)

    def seen(name):
        return run_in_pod(cluster.core, "etcd", cluster.namespace, f"cat /data/{name} 2>&1")

    run = HookedRun()
    run.execute(dag.get_task("pre_backup"))
    assert seen("locked") == ""
    task = dag.get_task("session")
    task.render_template_fields({**run.context(task), "params": dag.params.dump()})
    session = run.execute(task)
    assert session["backup"]["keyCount"] == KEYS
    run.execute(dag.get_task("post_backup"))
    assert "No such file" in seen("locked")
    assert seen("outcome") == "Succeeded etcd-backup\n"
    cluster.wait_clean()
