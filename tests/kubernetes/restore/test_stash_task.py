"""A Task of the user's own, from manifests: its Functions back up in one Pod; what they did is restored by ours."""

import asyncio
import base64
import json
import secrets

import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred
from kubernetes import client

from airflow_provider_stash.dags import ManifestSettings
from airflow_provider_stash.dags.manifests import build_all
from airflow_provider_stash.exceptions import FunctionFailedError, JobFailedError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.base import TaskKilled
from airflow_provider_stash.resources import load
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.workloads.params import workload_from_params
from testbed.process import wait_until
from tests.kubernetes.jobs.conftest import Run
from tests.kubernetes.jobs.test_deferred import first_event
from tests.kubernetes.jobs.test_steps import when
from tests.kubernetes.pages import role
from tests.kubernetes.restore.conftest import IMAGE
from tests.kubernetes.restore.etcd_in_cluster import ETCD_IMAGE, EtcdPod, claim_spec

STASH = {"apiVersion": "stash.appscode.com/v1beta1"}
DUMP = "mkdir -p /stash-tmp/data; echo dumps; etcdctl --endpoints=${endpoint} snapshot save /stash-tmp/data/snapshot.db"
SEND = """\
restic backup --no-cache --json --host=${HOSTNAME} --tag=${BACKUP_SESSION} /stash-tmp/data > /tmp/restic.json || exit 1
id=$(sed -n 's/.*"snapshot_id":"\\([0-9a-f]\\{8\\}\\).*/\\1/p' /tmp/restic.json)
mkdir -p ${outputDir}
echo '{"targetStatus": {"stats": [{"hostname": "${HOSTNAME}", "phase": "Succeeded", "snapshots": [{"name": "'$id'"}]}]}}' > ${outputDir}/output.json
"""
FAILS = 'mkdir -p ${outputDir}; echo \'{"targetStatus": {"stats": [{"hostname": "h", "error": "the disk is full"}]}}\' > ${outputDir}/output.json'
SECRET, NOWHERE = "storage", "http://127.0.0.1:9"


def function(name, script, image, **spec):
    return {**STASH, "kind": "Function", "metadata": {"name": name}, "spec": {"image": image, "command": ["/bin/sh", "-c"], "args": [script], **spec}}  # fmt: skip


def manifests(namespace, kind, endpoint, dump, send, image):
    """Give what a user of Stash keeps for it; the second Function has this image."""
    place = {"namespace": namespace}
    output = [{"name": "outputDir", "value": "/stash-tmp/output"}]
    steps = [
        {"name": "etcd-dump"},
        {"name": "etcd-send", "params": output},
        {"name": "update-status", "params": output},
    ]
    with_secret = {"runtimeSettings": {"envFrom": [{"secretRef": {"name": "${REPOSITORY_SECRET_NAME}"}}]}}
    target = {"ref": {"apiVersion": "appcatalog.appscode.com/v1alpha1", "kind": "AppBinding", "name": "etcd"}}
    session = {
        "repository": {"name": "repo"},
        "task": {"name": "own", "params": [{"name": "endpoint", "value": endpoint}]},
        # kubesim's images are this host's: not all of it may be for others
        "runtimeSettings": {"pod": {"securityContext": {"runAsUser": 0}}},
    }
    if kind == "RestoreSession":
        session["target"] = {**target, "rules": [{"snapshots": ["1a2b3c4d"]}]}
    else:
        session |= {"target": target, "schedule": "@hourly", "retentionPolicy": {"keepLast": 5}}
    return [
        function("etcd-dump", dump, ETCD_IMAGE),
        function("etcd-send", send, image, **with_secret),
        {**STASH, "kind": "Task", "metadata": {"name": "own"}, "spec": {"steps": steps}},
        {
            "apiVersion": "appcatalog.appscode.com/v1alpha1",
            "kind": "AppBinding",
            "metadata": {"name": "etcd", **place},
            "spec": {"clientConfig": {"url": endpoint}},
        },
        {
            "apiVersion": "stash.appscode.com/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "repo", **place},
            "spec": {"backend": {"rest": {"url": "http://nowhere/"}, "storageSecretName": SECRET}},
        },
        {**STASH, "kind": kind, "metadata": {"name": "own", **place}, "spec": session},
    ]


class OwnTask:
    """The task that backs up, of the DAG that the manifests give; as an account with exactly the docs' Role."""

    def __init__(self, namespace, directory):
        self.namespace, self.directory = namespace, directory
        self.run = Run()

    def operator(
        self, dump=DUMP, send=SEND, *, kind="BackupConfiguration", endpoint=NOWHERE, image=IMAGE, **settings
    ):
        file = self.directory / "stash.yaml"
        file.write_text(yaml.safe_dump_all(manifests(self.namespace.name, kind, endpoint, dump, send, image)))
        job = KubernetesJob(image=IMAGE, **{"startup_timeout": 60.0, "poll_interval": 1.0, **settings})
        dags, refusals = build_all(load(file), ManifestSettings(execution=job))
        assert refusals == []
        (dag,) = dags.values()
        return dag.get_task("restore" if kind == "RestoreSession" else "backup")

    def jobs(self):
        return client.BatchV1Api(self.namespace.api).list_namespaced_job(self.namespace.name).items

    def log(self, container):
        """Give a container's log, as far as there is one."""
        core, name = self.namespace.core, self.namespace.name
        for pod in core.list_namespaced_pod(name, label_selector="job-name").items:
            try:
                return core.read_namespaced_pod_log(
                    pod.metadata.name, name, container=container, _preload_content=False
                ).data.decode()
            except client.ApiException:
                return ""
        return ""

    def claims(self, volume):
        """Name the claims of Pods' own volumes."""
        claims = self.namespace.core.list_namespaced_persistent_volume_claim(self.namespace.name).items
        return [one.metadata.name for one in claims if one.metadata.name.endswith(volume)]

    def wait_clean(self):
        wait_until(lambda: not self.jobs() and not self.namespace.left(), "nothing is left", 120)


@pytest.fixture
def own(namespace, repository, tmp_path, monkeypatch):
    extra = {
        "kube_config_path": str(namespace.account(role("airflow-stash-backup")["rules"])),
        "namespace": namespace.name,
    }
    monkeypatch.setenv(
        "AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra})
    )
    data = {"RESTIC_PASSWORD": repository.password, "RESTIC_REPOSITORY": repository.location}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
    namespace.core.create_namespaced_secret(namespace.name, {"metadata": {"name": SECRET}, "data": data})
    one = OwnTask(namespace, tmp_path)
    yield one
    namespace.core.delete_namespaced_secret(SECRET, namespace.name)
    one.wait_clean()


def test_what_a_task_backed_up_is_restored_by_ours(own, namespace, restore_of, repository, tmp_path, capsys):
    params = {"workloadKind": "Pod", "workloadName": "etcd", "dataDir": "/var/run/etcd"}
    restore = restore_of(namespace, workload_from_params(params), role("airflow-stash-restore-pod")["rules"])
    etcd = EtcdPod(namespace.api, namespace.name, tmp_path)
    etcd.wait_healthy()
    etcd.fill(100)
    before = etcd.all_keys()

    result = own.run.execute(own.operator(endpoint=etcd.client_urls[0]))
    (snapshot,) = list_snapshots(repository)
    assert snapshot.id.startswith(result["snapshot"])
    assert snapshot.tags == (own.run.run_id,)
    assert [(one["name"], one["exitCode"]) for one in result["containers"]] == [
        ("etcd-dump-0", 0),
        ("etcd-send-1", 0),
    ]
    assert result["task"] == "own"
    shown = capsys.readouterr().out
    assert "[etcd-dump-0] dumps" in shown
    assert repository.password not in shown + json.dumps(result)

    etcd.delete()
    etcd.fill(5, prefix="/later/")
    restore.run(etcd)
    assert etcd.all_keys() == before


def test_the_first_function_fails_and_the_next_never_runs(own, capsys):
    with pytest.raises(
        JobFailedError, match=r"Init container etcd-dump-0: Exit code 3\. Last words: no etcd here"
    ):
        own.run.execute(own.operator(dump="echo no etcd here; exit 3", send="echo NEVER"))
    shown = capsys.readouterr().out
    assert "[etcd-dump-0] no etcd here" in shown
    assert "NEVER" not in shown


def test_a_function_that_tells_of_its_failure_and_ends_well(own):
    operator = own.operator(dump="true", send=FAILS, repository_secret=SECRET)
    operator.plan.variables["REPOSITORY_SECRET_NAME"] = (
        "not-there"  # what the Job's settings name goes before it
    )
    with pytest.raises(FunctionFailedError, match="host 'h' failed: the disk is full"):
        own.run.execute(operator)


def test_an_image_that_can_not_be_pulled_once_its_turn_has_come(own):
    operator = own.operator(dump="echo first ended", image="registry.invalid/nothing:1", startup_timeout=4.0)
    with pytest.raises(JobFailedError, match=r"did not start its container within 4 s. Err?ImagePull"):
        own.run.execute(operator)


def test_a_restore_by_a_task_with_an_interim_volume(own, capsys):
    record = 'echo \'stash-record: {"result": {"stats": [1]}}\''  # as one that runs this package writes
    dump = f"mkdir -p ${{INTERIM_DATA_DIR}} && echo restores > ${{INTERIM_DATA_DIR}}/file; {record}"
    send = (
        'cd /stash-interim-volume/data && echo "$(cat file) ${RESTORE_SNAPSHOTS} of ${SOURCE_HOSTNAME} for '
        '${RESTORE_SESSION}"; mkdir -p ${outputDir} && echo "{}" > ${outputDir}/output.json'
    )
    result = own.run.execute(
        own.operator(dump, send, kind="RestoreSession", interim_volume_template={"spec": claim_spec()})
    )
    assert "[etcd-send-1] restores 1a2b3c4d of host-0 for own" in capsys.readouterr().out
    assert result["stats"] == []
    own.wait_clean()
    wait_until(lambda: not own.claims("stash-interim-volume"), "its claim is gone", 120)


def test_killing_the_task_ends_the_job_whichever_function_runs(own):
    operator = own.operator(dump="trap 'exit 1' TERM; echo begun; sleep 600 & wait")
    with when(lambda: "begun" in own.log("etcd-dump-0"), operator.on_kill), pytest.raises(TaskKilled):
        own.run.execute(operator)
    wait_until(lambda: not own.jobs(), "the Job is gone", 120)


def test_deferred_the_logs_of_all_are_shown_and_a_retry_finds_the_job(own, namespace, capsys):
    """The first try is lost while it is deferred; the credentials are the connection's."""
    send = (
        FAILS.replace('"error": "the disk is full"', '"phase": "Succeeded"')
        + '; test -n "$RESTIC_PASSWORD" && echo has it'
    )
    operator = own.operator(dump="sleep 2; echo dumps", send=send, deferrable=True)
    name = f"AIRFLOW_CONN_{operator.restic_conn_id.upper()}"
    password = f"password-{secrets.token_hex(4)}"
    connection = {"conn_type": "restic", "host": "/nowhere", "password": password}
    operator.plan.variables["REPOSITORY_SECRET_NAME"] = ""  # as of a Repository that names none
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, json.dumps(connection))
        patch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        for _ in range(2):
            with pytest.raises(TaskDeferred) as deferred:
                own.run.execute(operator)
            trigger = deferred.value.trigger
            asyncio.run(trigger._ensure(trigger.owned))
        (job,) = own.jobs()
        assert password not in json.dumps(namespace.api.sanitize_for_serialization(job))
        event = asyncio.run(first_event(trigger))
        shown = capsys.readouterr().out
        result = operator.execute_complete(own.run.context(operator), event)
    assert "[etcd-dump-0] dumps" in shown
    assert "[etcd-send-1] has it" in shown
    assert result["stats"] == [{"hostname": "h", "phase": "Succeeded"}]
