import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSkipException

from airflow_provider_stash.dags import ManifestSettings, Metrics, dags_from_manifests
from airflow_provider_stash.dags.manifests import build_all
from airflow_provider_stash.dags.refused import RefusedManifest
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.hooks.etcd import EtcdHook
from airflow_provider_stash.hooks.restic import ResticHook
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.stash_task import StashTaskBackupOperator, StashTaskRestoreOperator
from airflow_provider_stash.resources import load
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from airflow_provider_stash.workloads.target_pod import TargetPod
from tests.unit.notified import Recorder

pytestmark = pytest.mark.oldest
EXAMPLES = Path(__file__).parents[2] / "stash_manifests"
BASIC = EXAMPLES / "etcd-basic-auth"
BACKUP, RESTORE = "stash.demo.backupconfiguration.etcd-backup", "stash.demo.restoresession.etcd-restore"
RESTORES = "stash.demo.restorebatch.both"
MEMBER_FORM = ("restore", "snapshot", "hostname", "bump_revision")
WORKLOAD = ProcessWorkload(
    [ProcessMember("etcd-0", "/var/run/etcd", "http://etcd-0.etcd:2380", ["stop"], ["start"])]
)
SETTINGS = ManifestSettings(
    workloads={f"demo/{name}": WORKLOAD for name in ("etcd-appbinding", "etcd-first", "etcd-second")}
)
REF = yaml.safe_load((BASIC / "backupconfiguration.yaml").read_text())["spec"]["target"]["ref"]
SLACK = yaml.safe_load(
    """
executionPolicy: OnFailure
httpPost:
  host: hooks.slack.com
  path: /services/XX/XXX/XXXX
  port: 443
  scheme: HTTPS
  body: |
    {{- $msg := dict  "type" "mrkdwn" "text" (printf ":x: Backup failed for %s/%s Reason: %s." .Namespace .Target.Name .Status.Error) -}}
    { "blocks": [ { "type": "section", "text": {{ toJson $msg }} } ] }
"""
)


def backup(**spec):
    document = yaml.safe_load((BASIC / "backupconfiguration.yaml").read_text())
    document["spec"] |= spec
    return document


def batch(kind="BackupBatch", task="etcd-backup-3.5.0", **spec):
    members = [
        {"task": {"name": task}, "target": {"alias": alias, "ref": {**REF, "name": f"etcd-{alias}"}}}
        for alias in ("first", "second")
    ]
    more = {"retentionPolicy": {"keepLast": 3}} if kind == "BackupBatch" else {}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": kind,
        "metadata": {"name": "both", "namespace": "demo"},
        "spec": {"repository": {"name": "gcs-repo"}, "members": members, **more, **spec},
    }


def built(tmp_path, *documents, settings=SETTINGS):
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all(documents))
    dags, refusals = build_all(load(tmp_path), settings)
    assert refusals == []
    return dags


def refused(tmp_path, *documents, settings=SETTINGS):
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all(documents))
    dags, (refusal,) = build_all(load(tmp_path), settings)
    assert dags == {}
    return refusal


def test_the_dags_of_the_basic_auth_guide():
    dags = dags_from_manifests(BASIC, settings=SETTINGS)
    assert set(dags) == {BACKUP, RESTORE}
    made = dags[BACKUP]
    assert made.task_ids == [
        "backup",
        "forget",
        "check",
        "status",
        "outcome",
    ]
    assert made.timetable.expression == "*/5 * * * *"
    assert made.owner == "demo"
    assert {"stash", "backup", "namespace:demo", "repository:gcs-repo", "target:etcd-appbinding"} <= made.tags
    assert "kind: BackupConfiguration" in made.doc_md
    assert made.get_task("backup").restic_conn_id == "stash_repository__demo__gcs_repo"
    assert made.get_task("backup").etcd_conn_id == "stash_appbinding__demo__etcd_appbinding"
    restore = dags[RESTORE]
    assert restore.params["snapshot"] == "latest"
    assert restore.get_task("stop_members").workload is WORKLOAD
    assert restore.schedule is None


def test_settings_of_a_session(tmp_path):
    dags = built(
        tmp_path,
        backup(paused=True, timeOut="2h", retryConfig={"maxRetry": 3, "delay": "10m"}),
        yaml.safe_load((EXAMPLES / "etcd-customization" / "restore-specific-snapshot.yaml").read_text()),
        settings=ManifestSettings(
            workloads={"demo/etcd-appbinding": WORKLOAD},
            metrics=Metrics(textfile_dir="/x"),
            backup={"pool": "one"},
            restore={"approval": True},
        ),
    )
    made = dags[BACKUP]
    assert (made.is_paused_upon_creation, made.dagrun_timeout) == (True, timedelta(hours=2))
    task = made.get_task("backup")
    assert (task.retries, task.retry_delay, task.pool) == (3, timedelta(minutes=10), "one")
    assert made.get_task("push_metrics").namespace == "demo"
    assert dags[RESTORE].params["snapshot"] == "4bc21d6f"
    assert dags[RESTORE].params["approval"] is True


def test_alerts_know_how_often_each_backup_of_a_directory_comes(tmp_path):
    def labels(dag, task_id="push_metrics"):
        return dag.get_task(task_id).labels

    weekly = backup(schedule="@weekly")
    weekly["metadata"]["name"] = "weekly"
    documents = (
        backup(schedule="0 * * * *"),
        weekly,
        batch(schedule="0 3 * * *"),
        yaml.safe_load((BASIC / "restoresession.yaml").read_text()),
    )
    settings = replace(SETTINGS, metrics=Metrics(textfile_dir="/x", labels={"team": "db"}))
    dags = built(tmp_path, *documents, settings=settings)
    assert labels(dags[BACKUP]) == {"schedule": "hourly", "team": "db"}
    assert labels(dags["stash.demo.backupconfiguration.weekly"]) == {"schedule": "weekly", "team": "db"}
    for member in ("first", "second"):
        pushed = labels(dags["stash.demo.backupbatch.both"], f"{member}.session.push_metrics")
        assert pushed == {"schedule": "daily", "team": "db"}
    assert labels(dags[RESTORE]) == {"team": "db"}
    settings = replace(SETTINGS, metrics=Metrics(textfile_dir="/x", labels={"schedule": "own"}))
    assert labels(built(tmp_path, weekly, settings=settings)["stash.demo.backupconfiguration.weekly"]) == {
        "schedule": "own"
    }


def test_a_restores_time_out_leaves_the_way_back(tmp_path):
    document = yaml.safe_load((BASIC / "restoresession.yaml").read_text())
    document["spec"]["timeOut"] = "30m"
    dag = built(tmp_path, document)[RESTORE]
    assert dag.dagrun_timeout is None
    assert dag.get_task("fill_members").execution_timeout == timedelta(minutes=30)
    assert dag.get_task("roll_back").execution_timeout is None
    assert dag.get_task("approve").execution_timeout is None


def test_a_workload_in_kubernetes_by_stashs_params():
    dags, refusals = build_all(load(BASIC), ManifestSettings())
    assert refusals == []
    workload = dags[RESTORE].get_task("stop_members").workload
    assert isinstance(workload, StatefulSetWorkload)
    assert (workload.name, workload.namespace, workload.data_dir) == ("etcd", "demo", "/var/run/etcd")
    assert workload.initial_cluster_token == "etcd-cluster-1"
    assert workload.job.container == {"securityContext": {"runAsUser": 0, "runAsGroup": 0}}


def test_a_workload_that_is_not_told_is_refused(tmp_path):
    document = yaml.safe_load((BASIC / "restoresession.yaml").read_text())
    document["spec"]["task"]["params"] = []
    refusal = refused(tmp_path, document, settings=ManifestSettings())
    assert "have no workloadKind" in refusal.sentence
    assert "ManifestSettings(workloads={'demo/etcd-appbinding': ...})" in refusal.sentence


def test_steps_as_jobs_by_runtime_settings(tmp_path):
    settings = ManifestSettings(
        execution=KubernetesJob(image="i", pod={"nodeName": "n"}, container={"env": [{"name": "a"}]}),
        workloads=SETTINGS.workloads,
    )
    runtime = {
        "pod": {"serviceAccountName": "s"},
        "container": {"resources": {"limits": {"memory": "1Gi"}}, "livenessProbe": {}},
    }
    document = backup(runtimeSettings=runtime, tempDir={"sizeLimit": "2Gi", "disableCaching": True})
    job = built(tmp_path, document, settings=settings)[BACKUP].get_task("backup").job
    assert (job.image, job.namespace, job.temp_dir) == ("i", "demo", {"sizeLimit": "2Gi"})
    assert job.pod == {"nodeName": "n", "serviceAccountName": "s"}
    assert job.container == {"env": [{"name": "a"}], "resources": {"limits": {"memory": "1Gi"}}}


def own_task(name="mine"):
    """A Task of two Functions and Stash's own."""
    version = {"apiVersion": "stash.appscode.com/v1beta1"}
    steps = [{"name": "dump"}, {"name": "send"}, {"name": "update-status"}]
    functions = [
        {**version, "kind": "Function", "metadata": {"name": one["name"]}, "spec": {"image": "i"}}
        for one in steps[:2]
    ]
    return [{**version, "kind": "Task", "metadata": {"name": name}, "spec": {"steps": steps}}, *functions]


IN_KUBERNETES = ManifestSettings(
    execution=KubernetesJob(image="i"),
    metrics=Metrics(pushgateway_conn_id="push"),
    backup={"pool": "restic", "one_task": True, "hash_kv": True},
    workloads=SETTINGS.workloads,
)


def test_a_task_of_ones_own_is_one_task_among_those_that_stash_did(tmp_path):
    document = backup(task={"name": "mine"}, runtimeSettings={"pod": {"serviceAccountName": "s"}})
    dag = built(tmp_path, document, *own_task(), settings=IN_KUBERNETES)[BACKUP]
    assert dag.task_ids == [
        "init_repository",
        "backup",
        "forget",
        "check",
        "status",
        "outcome",
        "push_metrics",
    ]
    task = dag.get_task("backup")
    assert isinstance(task, StashTaskBackupOperator)
    assert (task.plan.name, task.pool, task.pushgateway_conn_id) == ("mine", "restic", "push")
    assert (task.job.namespace, task.job.pod) == ("demo", {"serviceAccountName": "s"})
    assert task.etcd_conn_id == "stash_appbinding__demo__etcd_appbinding"
    assert set(dag.params) == {
        "retention",
        "verify_deeply",
    }  # its snapshots are tagged by the Task, if at all


def test_a_task_of_ones_own_needs_kubernetes(tmp_path):
    refusal = refused(tmp_path, backup(task={"name": "mine"}), *own_task())
    assert refusal.field == "spec.task.name"
    assert (
        "'mine' is a Task of your own: its Functions (dump, send, update-status) run in a Pod"
        in refusal.sentence
    )
    assert 'ManifestSettings(execution="kubernetes")' in refusal.sentence


def test_a_restore_by_a_task_of_ones_own(tmp_path):
    before = {"httpGet": {"host": "127.0.0.1", "port": 80, "path": "/"}}
    document = yaml.safe_load((BASIC / "restoresession.yaml").read_text())
    document["spec"] |= {"task": {"name": "mine"}, "timeOut": "1h", "hooks": {"preRestore": before}}
    document["spec"].pop("rules")
    rule = {"snapshots": ["1a2b", "3c4d"], "paths": ["/a"], "sourceHost": "other"}
    document["spec"]["target"]["rules"] = [rule]
    refusal = refused(tmp_path, document, *own_task())
    assert refusal.field == "spec.task.name"
    dag = built(tmp_path, document, *own_task(), settings=IN_KUBERNETES)[RESTORE]
    assert dag.task_ids == [
        "find_repository",
        "approve",
        "restore",
        "pre_restore",
        "outcome",
        "push_metrics",
    ]
    task = dag.get_task("restore")
    assert isinstance(task, StashTaskRestoreOperator)
    assert task.upstream_task_ids == {"pre_restore"}
    assert task.execution_timeout == timedelta(hours=1)
    variables = task.plan.values()
    assert (variables["RESTORE_SNAPSHOTS"], variables["SOURCE_HOSTNAME"]) == ("1a2b,3c4d", "other")
    assert variables["RESTORE_SESSION"] == "etcd-restore"
    assert set(dag.params) == {"approval", "dry_run", "confirm"}
    first, approve = dag.get_task("find_repository"), dag.get_task("approve")
    with pytest.raises(AirflowFailException, match="not confirmed"):
        first._pre_execute_hook({"params": {"dry_run": False, "confirm": None}})
    assert (dag.get_task("pre_restore").upstream_task_ids, approve.upstream_task_ids) == (
        {"approve"},
        {"find_repository"},
    )
    assert "stash_appbinding__demo__etcd_appbinding by the Task mine?" in approve.subject
    assert "Functions: they run one after another: dump, send." in approve.told()
    assert "Snapshots: 1a2b,3c4d, of the host other." in approve.told()


def test_settings_of_restores_are_for_those_by_a_task_of_ones_own_too(tmp_path):
    document = yaml.safe_load((BASIC / "restoresession.yaml").read_text())
    document["spec"]["task"] = {"name": "mine"}
    given = {
        "confirm": False,
        "approval": True,
        "approval_timeout": timedelta(hours=1),
        "notify": [Recorder()],
    }
    settings = replace(IN_KUBERNETES, restore=given)
    dag = built(tmp_path, document, *own_task(), settings=settings)[RESTORE]
    assert dag.params.dump() == {"approval": True, "dry_run": False}
    assert dag.get_task("approve").response_timeout == timedelta(hours=1)
    assert len(dag.on_failure_callback) == 1


def test_a_member_of_a_batch_may_have_a_task_of_ones_own(tmp_path):
    document = batch()
    document["spec"]["members"][1]["task"]["name"] = "mine"
    dag = built(tmp_path, document, *own_task(), settings=IN_KUBERNETES)["stash.demo.backupbatch.both"]
    assert isinstance(dag.get_task("second.session.backup"), StashTaskBackupOperator)
    assert "first.session.session" in dag.task_ids  # one_task, as asked for


@pytest.mark.parametrize("order", ["Parallel", "Sequential"])
def test_a_member_of_a_batch_of_restores_may_have_a_task_of_ones_own(tmp_path, order):
    document = batch("RestoreBatch", "etcd-restore-3.5.0", executionOrder=order, timeOut="30m")
    own = document["spec"]["members"][1]
    own["task"]["name"] = "mine"
    own["target"]["rules"] = [{"snapshots": ["1a2b"], "sourceHost": "other"}]
    own["hooks"] = {"preRestore": {"httpGet": {"host": "127.0.0.1", "port": 80}}}
    refusal = refused(tmp_path, document, *own_task())
    assert (refusal.field, "run in a Pod" in refusal.sentence) == ("spec.members[1].task.name", True)
    dag = built(tmp_path, document, *own_task(), settings=IN_KUBERNETES)[RESTORES]
    restore = dag.get_task("second.session.restore")
    assert restore.plan.values()["RESTORE_SNAPSHOTS"] == "1a2b"
    assert restore.execution_timeout == timedelta(minutes=30)
    assert upstream(dag, "second.session.restore") == {"second.pre_restore"}
    before = {"second.session.approve"} | ({"checked", "after_first"} if order == "Sequential" else set())
    assert upstream(dag, "second.pre_restore") == before
    assert upstream(dag, "checked") == {"first.approved", "second.approved"}
    assert "second.session.restore" in upstream(dag, "outcome")
    assert [one for one in dag.params if one.startswith("second.")] == ["second.restore"]
    assert "before" in dag.params
    with pytest.raises(AirflowSkipException, match="second was turned off"):
        dag.get_task("second.session.find_repository")._pre_execute_hook(
            {"params": {"dry_run": True, "second.restore": False}}
        )
    del document["spec"]["members"][0]
    dag = built(tmp_path, document, *own_task(), settings=IN_KUBERNETES)[RESTORES]
    assert "before" not in dag.params


def test_hooks_are_tasks_around_the_session(tmp_path):
    before = {"httpGet": {"host": "127.0.0.1", "port": 80, "path": "/"}}
    dag = built(tmp_path, backup(hooks={"preBackup": before, "postBackup": SLACK}))[BACKUP]
    assert "backup" in dag.get_task("pre_backup").downstream_task_ids
    after = dag.get_task("post_backup")
    assert (after.phase, after.execution_policy) == ("postBackup", "OnFailure")
    assert after.session["invoker"] == {
        "apiGroup": "stash.appscode.com",
        "kind": "BackupConfiguration",
        "name": "etcd-backup",
    }
    assert after.session["target"]["name"] == "etcd-appbinding"


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        (
            {"preBackup": {"exec": {"command": ["true"]}}},
            "no way to its cluster is known: give ManifestSettings(",
        ),
        ({"postBackup": {"httpGet": {"port": 80}}}, "host"),
        ({"postBackup": {"httpPost": {"host": "h", "port": 80, "body": "{{ .Nothing }}"}}}, "Nothing"),
        ({"postBackup": {"httpPost": {"host": "h", "port": 80, "body": "{{ if }}"}}}, "body"),
    ],
)
def test_a_hook_that_can_not_be_done_is_refused_by_its_field(tmp_path, hooks, words):
    refusal = refused(tmp_path, backup(hooks=hooks))
    assert refusal.field == f"spec.hooks.{next(iter(hooks))}"
    assert words in refusal.sentence


READ_ONLY = {
    "preBackup": {"exec": {"command": ["/bin/sh", "-c", "lock --password=s3cret"]}, "containerName": "etcd"},
    "postBackup": {"exec": {"command": ["/bin/sh", "-c", "unlock"]}, "containerName": "etcd"},
}
"""As Stash's guide makes a database read-only while it is backed up."""


def with_service(tmp_path):
    (tmp_path / "appbinding.yaml").write_text((BASIC / "appbinding.yaml").read_text())


@pytest.mark.parametrize(
    ("settings", "connection"),
    [
        (ManifestSettings(execution="kubernetes"), "kubernetes_default"),
        (ManifestSettings(execution=KubernetesJob(kubernetes_conn_id="jobs")), "jobs"),
        (ManifestSettings(kubernetes_conn_id="hooks"), "hooks"),
        (
            ManifestSettings(kubernetes_conn_id="hooks", execution=KubernetesJob(kubernetes_conn_id="jobs")),
            "hooks",
        ),
    ],
)
def test_a_hook_in_the_pod_behind_the_service(tmp_path, settings, connection):
    from airflow.serialization.serialized_objects import DagSerialization

    with_service(tmp_path)
    dag = built(tmp_path, backup(hooks=READ_ONLY), settings=settings)[BACKUP]
    for name in ("pre_backup", "post_backup"):
        assert dag.get_task(name).target_pod == TargetPod("Service", "etcd", "demo", connection)
    assert "s3cret" not in dag.doc_md
    assert "s3cret" not in json.dumps(DagSerialization.to_dict(dag), default=str)
    guide = yaml.safe_load((EXAMPLES / "guides" / "backupconfiguration.yaml").read_text())
    dag = built(tmp_path, backup(hooks=guide["spec"]["hooks"]), settings=settings)[BACKUP]
    assert dag.get_task("pre_backup").target_pod == TargetPod("Service", "etcd", "demo", connection)
    no_host = {"postBackup": {"tcpSocket": {"port": "client"}}}
    dag = built(tmp_path, backup(hooks=no_host), settings=settings)[BACKUP]
    assert dag.get_task("post_backup").target_pod == TargetPod("Service", "etcd", "demo", connection)


def test_a_hook_of_a_batchs_member_has_its_pod_and_one_of_the_batch_has_none(tmp_path):
    with_service(tmp_path)
    document = batch()
    document["spec"]["members"][0].update(hooks=READ_ONLY, target={"alias": "first", "ref": REF})
    settings = ManifestSettings(execution="kubernetes")
    dag = built(tmp_path, document, settings=settings)["stash.demo.backupbatch.both"]
    assert dag.get_task("first.pre_backup").target_pod == TargetPod("Service", "etcd", "demo")
    refusal = refused(tmp_path, batch(hooks=READ_ONLY), settings=settings)
    assert refusal.field == "spec.hooks.preBackup"
    assert "preBackup.exec: a command runs in the target's pod, and a batch has none" in refusal.sentence


def test_a_restores_hook_in_the_workloads_pod(tmp_path):
    document = yaml.safe_load((BASIC / "restoresession.yaml").read_text())
    document["spec"]["hooks"] = {"postRestore": READ_ONLY["postBackup"]}
    dag = built(tmp_path, document, settings=ManifestSettings())[RESTORE]
    assert dag.get_task("post_restore").target_pod == TargetPod("StatefulSet", "etcd", "demo")
    with_service(tmp_path)
    dag = built(tmp_path, document, settings=ManifestSettings())[RESTORE]
    assert dag.get_task("post_restore").target_pod == TargetPod("Service", "etcd", "demo")
    assert "no way to its cluster is known" in refused(tmp_path, document).sentence


@pytest.mark.parametrize(
    ("client_config", "words"),
    [({"url": "http://etcd:2379"}, "demo/etcd-appbinding names none"), (None, "is not among the manifests")],
)
def test_a_hook_whose_pod_no_service_tells_is_refused(tmp_path, client_config, words):
    if client_config:
        binding = yaml.safe_load((BASIC / "appbinding.yaml").read_text())
        binding["spec"]["clientConfig"] = client_config
        (tmp_path / "appbinding.yaml").write_text(yaml.safe_dump(binding))
    refusal = refused(tmp_path, backup(hooks=READ_ONLY), settings=ManifestSettings(execution="kubernetes"))
    assert "which Stash finds by the AppBinding's clientConfig.service" in refusal.sentence
    assert words in refusal.sentence


def upstream(dag, task_id):
    return dag.get_task(task_id).upstream_task_ids


def test_a_batch_side_by_side(tmp_path):
    get = {"httpGet": {"host": "127.0.0.1", "port": 80}}
    document = batch(schedule="0 3 * * *", timeOut="1h", hooks={"preBackup": get, "postBackup": get})
    dag = built(tmp_path, document)["stash.demo.backupbatch.both"]
    assert upstream(dag, "pre_backup") == {"init_repository"}
    for name in ("first", "second"):
        assert upstream(dag, f"{name}.session.backup") == {"pre_backup"}
        assert dag.get_task(f"{name}.session.backup").hostname == name
        assert dag.get_task(f"{name}.session.backup").create is False
        assert f"{name}.session.outcome" in upstream(dag, "outcome")
    after = dag.get_task("post_backup")
    assert "first.session.backup" in after.tasks.data_task_ids
    assert after.tasks.before_task_ids == ("pre_backup",)
    assert after.session["invoker"]["kind"] == "BackupBatch"
    assert dag.dagrun_timeout == timedelta(hours=1)


def test_a_batch_one_after_another(tmp_path):
    dag = built(tmp_path, batch(executionOrder="Sequential"))["stash.demo.backupbatch.both"]
    assert upstream(dag, "first.session.backup") == {"init_repository"}
    assert upstream(dag, "second.session.backup") == {"init_repository", "after_first"}
    assert "first.session.outcome" in upstream(dag, "after_first")


def test_a_batch_makes_its_repository_where_its_steps_run(tmp_path):
    settings = ManifestSettings(
        execution=KubernetesJob(image="i", repository_secret="s3"),
        backup={"initialize": False, "pool": "restic"},
    )
    init = built(tmp_path, batch(), settings=settings)["stash.demo.backupbatch.both"].get_task(
        "init_repository"
    )
    assert (init.job.namespace, init.job.repository_secret) == ("demo", "s3")
    assert (init.create, init.pool) == (False, "restic")


def test_a_batch_tells_of_failures_once_for_all_members(tmp_path):
    settings = ManifestSettings(backup={"notify": [Recorder()], "overlap": "queue"})
    dag = built(tmp_path, batch(), settings=settings)["stash.demo.backupbatch.both"]
    assert len(dag.on_failure_callback) == len(dag.on_success_callback) == 1


def test_settings_that_would_have_no_effect_are_refused(tmp_path):
    with pytest.raises(InvalidConfigurationError, match="retries would have no effect"):
        ManifestSettings(backup={"retries": 3})
    skip = ManifestSettings(backup={"overlap": "skip"})
    assert "runs of a BackupBatch always queue" in refused(tmp_path, batch(), settings=skip).sentence


def restores(tmp_path, settings=SETTINGS, **spec):
    return built(tmp_path, batch("RestoreBatch", "etcd-restore-3.5.0", **spec), settings=settings)[RESTORES]


def test_a_batch_of_restores_side_by_side(tmp_path):
    dag = restores(tmp_path)
    for name, other in (("first", "second"), ("second", "first")):
        assert upstream(dag, f"{name}.session.resolve_snapshot") == set()
        assert upstream(dag, f"{name}.session.fill_members") == {
            f"{name}.session.approve",
            f"{name}.session.fetch_snapshot",
        }
        assert not any(one.startswith(other) for one in upstream(dag, f"{name}.session.roll_back"))
        assert dag.get_task(f"{name}.session.roll_back").is_teardown
        assert dag.get_task(f"{name}.session.verify").etcd_conn_id == f"stash_appbinding__demo__etcd_{name}"
        assert f"{name}.session.outcome" in upstream(dag, "outcome")
    assert dag.get_task("checked").trigger_rule == TriggerRule.ONE_SUCCESS
    assert dag.get_task("outcome").trigger_rule == TriggerRule.NONE_FAILED


def test_a_batch_of_restores_one_after_another_stops_at_the_first_failure(tmp_path):
    dag = restores(tmp_path, executionOrder="Sequential", timeOut="30m")
    assert dag.get_task("checked").trigger_rule == TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert upstream(dag, "checked") == {"first.approved", "second.approved"}
    assert "checked" in upstream(dag, "first.session.fill_members")
    assert {"checked", "after_first"} < upstream(dag, "second.session.fill_members")
    turn = dag.get_task("after_first")
    assert turn.upstream_task_ids == {
        "first.session.outcome",
        "first.session.roll_back",
        "first.approved",
    }
    assert turn.trigger_rule == TriggerRule.ALL_DONE
    assert {"first.session.verify", "first.session.fill_members"} < set(turn.tasks.data_task_ids)
    assert "first.session.roll_back" not in turn.tasks.data_task_ids
    assert dag.params["go_on_after_failure"] is False
    assert dag.dagrun_timeout is None
    assert dag.get_task("second.session.start_members").execution_timeout == timedelta(minutes=30)
    for name in ("approve", "roll_back"):
        assert dag.get_task(f"second.session.{name}").execution_timeout is None


@pytest.mark.parametrize("order", ["Parallel", "Sequential"])
def test_hooks_of_a_batch_of_restores_stand_around_what_changes_members(tmp_path, order):
    get = {"httpGet": {"host": "127.0.0.1", "port": 80}}
    document = batch("RestoreBatch", "etcd-restore-3.5.0", executionOrder=order)
    document["spec"]["hooks"] = {"preRestore": get, "postRestore": get}
    for member in document["spec"]["members"]:
        member["hooks"] = {"preRestore": get, "postRestore": get}
    dag = built(tmp_path, document)[RESTORES]
    assert upstream(dag, "pre_restore") == {"checked"}
    for name in ("first", "second"):
        # A rejection skips what is right behind it: its own alone.
        asked = dag.get_task(f"{name}.session.approve")
        assert asked.downstream_task_ids == {
            f"{name}.approved",
            f"{name}.pre_restore",
            f"{name}.post_restore",
        }
        assert {"pre_restore", f"{name}.session.approve"} <= upstream(dag, f"{name}.pre_restore")
        assert f"{name}.pre_restore" in upstream(dag, f"{name}.session.fill_members")
        assert f"{name}.session.verify" in upstream(dag, f"{name}.post_restore")
    after = dag.get_task("post_restore")
    assert (after.tasks.host_task_id, after.tasks.before_task_ids) == ("checked", ("pre_restore",))
    assert {"checked", "second.session.verify"} < set(after.tasks.data_task_ids)
    if order == "Sequential":
        assert upstream(dag, "after_first") == {
            "first.session.outcome",
            "first.session.roll_back",
            "first.post_restore",
            "first.approved",
        }


def test_the_form_of_a_batch_of_restores(tmp_path):
    dag = restores(tmp_path)
    form = {name: dag.params.get_param(name) for name in dag.params}
    assert list(form) == [
        *(f"{member}.{name}" for member in ("first", "second") for name in MEMBER_FORM),
        "before",
        "approval",
        "dry_run",
        "confirm",
    ]
    in_order = restores(tmp_path, executionOrder="Sequential")
    assert set(in_order.params) - set(form) == {"go_on_after_failure"}
    form["go_on_after_failure"] = in_order.params.get_param("go_on_after_failure")
    assert form["go_on_after_failure"].schema["section"] == "All members"
    assert form["second.hostname"].value == "second"
    assert form["second.snapshot"].schema["section"] == "Member second"
    assert form["confirm"].schema["pattern"] == "^both$"
    sections = [param.schema["section"] for _, param in in_order.params.items()]
    assert sections == sorted(sections, key=sections.index)
    for name, param in form.items():
        assert param.schema["title"], name
        assert param.description.endswith("."), name
    given = {"confirm": False, "approval": True, "bump_revision": 7}
    dag = restores(tmp_path, settings=ManifestSettings(workloads=SETTINGS.workloads, restore=given))
    assert "confirm" not in dag.params
    assert dag.params["approval"] is True
    assert dag.params["first.bump_revision"] == "7"


def test_two_members_of_a_batch_can_not_restore_the_same_cluster(tmp_path):
    document = batch("RestoreBatch", "etcd-restore-3.5.0")
    for member in document["spec"]["members"]:
        member["target"]["ref"] = REF
    refusal = refused(tmp_path, document)
    assert refusal.field == "spec.members[1].target.ref"
    assert "one restore would overwrite the other" in refusal.sentence


def test_a_task_makes_its_own_dag_alone(tmp_path, monkeypatch):
    (tmp_path / "m.yaml").write_text(
        yaml.safe_dump_all([backup(), batch("RestoreBatch", "etcd-restore-3.5.0")])
    )
    (tmp_path / "bad.yaml").write_text("{")
    for wanted in (BACKUP, RESTORES):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
        made = dags_from_manifests(tmp_path, settings=SETTINGS)
        assert set(made) == {wanted}
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "other")
    assert dags_from_manifests(tmp_path, settings=SETTINGS) == {}


def test_what_is_refused_becomes_an_import_error_of_its_own_file(tmp_path):
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.dag_processing.processor import _serialize_dags

    (tmp_path / "m.yaml").write_text(yaml.safe_dump(backup()))
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(backup(driver="VolumeSnapshotter")))
    file = tmp_path / "dags" / "stash.py"
    file.parent.mkdir()
    file.write_text(
        "from airflow_provider_stash.dags import dags_from_manifests\n"
        f"globals().update(dags_from_manifests({str(tmp_path)!r}))\n"
    )
    (tmp_path / "bad.yaml").write_text(
        (tmp_path / "bad.yaml").read_text().replace("name: etcd-backup\n", "name: other\n")
    )
    bag = BundleDagBag(dag_folder=str(file), bundle_path=file.parent, bundle_name="x")
    assert bag.import_errors == {}
    import structlog

    serialized, errors = _serialize_dags(bag, structlog.get_logger())
    assert [one.dag_id for one in serialized] == [BACKUP]
    assert set(errors) == {str(tmp_path / "bad.yaml")}
    assert (
        "BackupConfiguration demo/other: spec.driver: is 'VolumeSnapshotter'"
        in errors[str(tmp_path / "bad.yaml")]
    )


def test_one_that_airflow_refuses_does_not_take_the_others_away(tmp_path):
    long = {**backup(), "metadata": {"name": "x" * 250, "namespace": "demo"}}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all([backup(), long]))
    dags = dags_from_manifests(tmp_path)
    assert BACKUP in dags
    (refusal,) = next(one for one in dags.values() if isinstance(one, RefusedManifest)).refusals
    assert "Airflow refuses it" in refusal.sentence


def test_nothing_secret_is_in_a_serialized_dag(tmp_path):
    from airflow.serialization.serialized_objects import DagSerialization

    text = "\n---\n".join(path.read_text() for path in sorted(BASIC.iterdir()))
    (tmp_path / "all.yaml").write_text(text)
    dags = dags_from_manifests(tmp_path, settings=SETTINGS)
    for dag in dags.values():
        dag.fileloc = str(tmp_path)
        assert "not@secret" not in json.dumps(DagSerialization.to_dict(dag), default=str)


@pytest.fixture
def no_connection(monkeypatch):
    from airflow.sdk import BaseHook

    def missing(conn_id):
        raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")

    monkeypatch.setattr(BaseHook, "get_connection", staticmethod(missing))


def test_connections_are_made_from_the_manifests(no_connection):
    dags_from_manifests(BASIC)
    config = EtcdHook("stash_appbinding__demo__etcd_appbinding").get_config()
    assert (config.endpoints[0].url, config.user, config.password) == (
        "http://etcd.demo.svc:2379",
        "root",
        "not@secret",
    )
    with pytest.raises(
        InvalidConfigurationError,
        match=r"no Airflow connection 'stash_repository__demo__gcs_repo', and: Secret demo/gcs-secret",
    ):
        ResticHook("stash_repository__demo__gcs_repo").get_repository()
    with pytest.raises(AirflowNotFoundException):
        EtcdHook("other").get_config()


def test_airflows_own_connection_goes_before(monkeypatch):
    from airflow.sdk import BaseHook, Connection

    dags_from_manifests(BASIC)
    own = Connection(conn_id="x", conn_type="etcd", host="http://own:2379")
    monkeypatch.setattr(BaseHook, "get_connection", staticmethod(lambda conn_id: own))
    assert EtcdHook("stash_appbinding__demo__etcd_appbinding").get_config().endpoints[0].host == "own"


def test_a_dag_file_without_manifests_does_not_pay_for_them():
    code = (
        "import sys; import airflow_provider_stash.dags;"
        "print([one for one in sys.modules if one.startswith('airflow_provider_stash.resources')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_is_refused_of_two_places_is_told_of_both(tmp_path):
    found = {}
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(backup(driver="VolumeSnapshotter")))
        found |= dags_from_manifests(tmp_path / name)
    assert {one.manifest for one in found.values()} == {
        str(tmp_path / "one.yaml"),
        str(tmp_path / "two.yaml"),
    }


def test_a_hooks_path_and_headers_are_not_in_a_serialized_dag(tmp_path):
    from airflow.serialization.serialized_objects import DagSerialization

    headers = [{"name": "Authorization", "value": "hunter2"}]
    hooks = {
        "preBackup": {"httpGet": {"host": "h", "port": 80, "path": "/hunter2", "httpHeaders": headers}},
        "postBackup": SLACK,
    }
    single = backup(hooks=hooks)
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(single)}
    single["metadata"]["annotations"] = applied
    several = batch(hooks=hooks)
    several["spec"]["members"][0]["hooks"] = hooks
    for dag in built(tmp_path, single, several).values():
        dag.fileloc = str(tmp_path)
        kept = json.dumps(DagSerialization.to_dict(dag), default=str)
        assert "hooks.slack.com" in dag.doc_md
        assert "hunter2" not in kept
        assert "XX/XXX" not in kept


def test_pythons_garbage_collection_goes_on_behind_it(tmp_path):
    import gc

    assert gc.isenabled()
    dags_from_manifests(BASIC)
    assert gc.isenabled()
    gc.disable()
    try:
        dags_from_manifests(BASIC)
        assert not gc.isenabled()
    finally:
        gc.enable()
