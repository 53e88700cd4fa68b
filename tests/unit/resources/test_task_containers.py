from pathlib import Path

import pytest
import yaml

from airflow_provider_stash.resources import load, plan_all
from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.backup import BackupConfiguration
from airflow_provider_stash.resources.refusal import Refused
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.resources.restore import RestoreSession
from airflow_provider_stash.resources.task import Task
from airflow_provider_stash.resources.task_containers import task_pod
from airflow_provider_stash.resources.task_planner import plan_task
from airflow_provider_stash.resources.task_variables import run_variables, task_variables

EXAMPLES = Path(__file__).parents[2] / "stash_manifests"


@pytest.fixture
def manifests():
    return load(EXAMPLES / "guides", EXAMPLES / "etcd-basic-auth")


def plan_of(manifests, params=None, task="postgres-backup-11.2"):
    backup = manifests.get(BackupConfiguration, "demo", "demo-backup")
    plan, _ = plan_task(
        manifests,
        manifests.get(Task, "", task),
        backup,
        backup.spec,
        params=params or {},
        repository=manifests.get(Repository, "demo", "s3-repo"),
        binding=manifests.get(AppBinding, "demo", "etcd-appbinding"),
    )
    return plan


RUN = run_variables("run-1", "http://push:9091", restores=False, interim_volume=False)


def test_the_task_of_stashs_guide_becomes_containers(manifests):
    backup = manifests.get(BackupConfiguration, "demo", "demo-backup").dump()["spec"]
    plan = plan_of(manifests, {"args": "--clean", "outputDir": "/out"})
    pod = task_pod(
        plan,
        plan.values(**RUN),
        container=backup["runtimeSettings"]["container"],
        temp_dir=backup["tempDir"],
    )
    (first,) = pod.containers  # Stash's own update-status has nobody to tell here
    assert (first["name"], first["image"]) == ("postgres-backup-11-2-0", "stashed/postgres-stash:11.2")
    assert pod.output_dir == "/out"
    assert first["args"] == [
        "backup-pg",
        "--provider=s3",
        "--bucket=stash-demo",
        "--endpoint=s3.amazonaws.com",
        "--region=us-west-1",
        "--path=/backup/demo/deployment/stash-demo",
        "--secret-dir=/etc/repository/secret",
        "--scratch-dir=/tmp",
        "--enable-cache=true",
        "--max-connections=0",
        "--hostname=app-data",
        "--backup-cmd=",
        "--pg-args=--clean",
        "--wait-timeout=",
        "--namespace=demo",
        "--appbinding=stash-demo",
        "--backupsession=run-1",
        "--retention-keep-last=5",
        "--retention-prune=true",
        "--output-dir=/out",  # the target's own parameter goes before the step's
    ]
    assert first["volumeMounts"] == [
        {"name": "secret-volume", "mountPath": "/etc/repository/secret"},
        {"name": "tmp-dir", "mountPath": "/stash-tmp"},
        {"name": "tmp-dir", "mountPath": "/tmp"},
    ]
    # the target's settings go before the Function's
    assert first["securityContext"] == {"runAsUser": 2000, "runAsGroup": 2000}
    assert first["resources"] == {"requests": {"memory": "256M"}, "limits": {"memory": "256M"}}
    assert {one["name"]: one["value"] for one in first["env"]} == {
        "NICE_ADJUSTMENT": "5",
        "IONICE_CLASS": "2",
        "IONICE_CLASS_DATA": "4",
    }
    assert pod.volumes == [
        {"name": "secret-volume", "secret": {"secretName": "s3-secret"}},
        {"name": "tmp-dir", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]


def function(name, **spec):
    document = {"image": "busybox", "command": ["sh", "-c", "true"], **spec}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "Function",
        "metadata": {"name": name},
        "spec": document,
    }


def own(tmp_path, steps, *functions, volumes=()):
    """Plan a Task of these Functions for Stash's example."""
    task = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "Task",
        "metadata": {"name": "mine"},
        "spec": {"steps": steps, "volumes": list(volumes)},
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump_all([task, *functions]))
    return plan_of(load(EXAMPLES / "guides", EXAMPLES / "etcd-basic-auth", tmp_path), task="mine")


def pod_of(plan, **settings):
    return task_pod(plan, plan.values(**RUN), **{"container": {}, "temp_dir": {}, **settings})


def test_what_only_the_last_container_may_have(tmp_path):
    """Kubernetes refuses probes and lifecycles of init containers."""
    probe = {"readinessProbe": {"exec": {"command": ["true"]}}}
    both = [function(name, runtimeSettings=probe) for name in ("dump", "send.1")]
    first, last = pod_of(own(tmp_path, [{"name": "dump"}, {"name": "send.1"}], *both)).containers
    assert (first["name"], last["name"]) == ("dump-0", "send-1-1")
    assert "readinessProbe" not in first
    assert last["readinessProbe"] == probe["readinessProbe"]


def test_update_status_is_known_without_its_function_and_by_its_command(tmp_path):
    params = [{"name": "outputDir", "value": "/stash-tmp/output"}]
    known = own(tmp_path, [{"name": "dump"}, {"name": "update-status", "params": params}], function("dump"))
    status = function("my-status", args=["update-status", "--output-dir=${outputDir:=}"])
    steps = [{"name": "dump"}, {"name": "my-status", "params": params}]
    for plan in (known, own(tmp_path, steps, function("dump"), status)):
        pod = pod_of(plan)
        assert [one["name"] for one in pod.containers] == ["dump-0"]
        assert pod.output_dir == "/stash-tmp/output"
    assert pod_of(own(tmp_path, [{"name": "dump"}], function("dump"))).output_dir is None


def test_a_task_that_does_nothing_is_refused(tmp_path):
    with pytest.raises(Refused, match="no steps that do anything"):
        own(tmp_path, [{"name": "update-status"}])
    with pytest.raises(Refused, match="nothing to run"):
        own(tmp_path, [{"name": "dump"}], function("dump", image=""))


def test_all_share_the_volumes_of_the_session(tmp_path):
    mine = [{"name": "x", "mountPath": "/tmp"}]
    volumes = [{"name": "x", "emptyDir": {}}]
    plan = own(tmp_path, [{"name": "dump"}], function("dump", volumeMounts=mine), volumes=volumes)
    pod = pod_of(
        plan,
        container={"volumeMounts": [{"name": "repository", "mountPath": "/repository"}]},
        interim_volume={"ephemeral": {}},
        temp_dir={"sizeLimit": "1Gi"},
    )
    assert {one["mountPath"]: one["name"] for one in pod.containers[0]["volumeMounts"]} == {
        "/tmp": "x",  # the Function's own stays
        "/stash-tmp": "tmp-dir",
        "/stash-interim-volume": "stash-interim-volume",
        "/repository": "repository",
    }
    assert pod.volumes == [
        {"name": "x", "emptyDir": {}},
        {"name": "tmp-dir", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "stash-interim-volume", "ephemeral": {}},
    ]


def test_variables_of_a_backup(manifests):
    variables = plan_of(manifests).values(**RUN)
    assert {name: variables[name] for name in ("NICE_ADJUSTMENT", "IONICE_CLASS", "IONICE_CLASS_DATA")} == {
        "NICE_ADJUSTMENT": "5",
        "IONICE_CLASS": "2",
        "IONICE_CLASS_DATA": "4",
    }
    assert variables["TARGET_PATHS"] == "/source/data"
    assert variables["TARGET_MOUNT_PATH"] == "/source/data"
    assert variables["EXCLUDE_PATTERNS"].startswith("/source/data/not-important.txt,")
    assert variables["INTERIM_DATA_DIR"] == "/stash-tmp/stash-interim-volume/data"
    assert variables["TARGET_APP_VERSION"] == "3.5.0"
    assert variables["TARGET_APP_RESOURCE"] == "etcd"
    assert variables["REPOSITORY_SECRET_NAME"] == "s3-secret"
    assert variables["REPOSITORY_INSECURE_TLS"] == "false"
    assert variables["PROMETHEUS_PUSHGATEWAY_URL"] == "http://push:9091"
    assert variables["BACKUP_SESSION"] == "run-1"
    assert variables["PROMETHEUS_JOB_NAME"] == variables["INVOKER_NAME"] == "demo-backup"
    assert plan_of(manifests, {"BACKUP_SESSION": "mine"}).values(**RUN)["BACKUP_SESSION"] == "mine"


def values(tmp_path, kind, **spec):
    """Give the variables of a session whose every field says something."""
    backend = {
        "endpoint": "http://s3:9000",
        "bucket": "b",
        "prefix": "p",
        "region": "eu",
        "insecureTLS": True,
    }
    version = {"apiVersion": "stash.appscode.com/v1beta1"}
    ref = {"apiVersion": "appcatalog.appscode.com/v1alpha1", "kind": "AppBinding", "name": "db"}
    target = {"alias": "main", "ref": ref, "args": ["--x", "--y"], **spec.pop("target")}
    objects = [
        {
            "apiVersion": "stash.appscode.com/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "repo", "namespace": "demo"},
            "spec": {"backend": {"s3": backend, "storageSecretName": "secret"}},
        },
        {
            "apiVersion": ref["apiVersion"],
            "kind": "AppBinding",
            "metadata": {"name": "db", "namespace": "demo"},
            "spec": {"type": "group/etcd", "version": "3.5.0", "clientConfig": {"url": "http://e:2379"}},
        },
        {**version, "kind": "Task", "metadata": {"name": "mine"}, "spec": {"steps": [{"name": "f"}]}},
        {**version, "kind": "Function", "metadata": {"name": "f"}, "spec": {"image": "i"}},
        {
            **version,
            "kind": kind,
            "metadata": {"name": "session", "namespace": "demo"},
            "spec": {
                "repository": {"name": "repo"},
                "task": {"name": "mine"},
                "target": target,
                "tempDir": {"disableCaching": True},
                "runtimeSettings": {
                    "container": {"nice": {"adjustment": 5}, "ionice": {"class": 2, "classData": 4}}
                },
                **spec,
            },
        },
    ]
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all(objects))
    (plan,), refusals = plan_all(load(tmp_path))
    assert refusals == []
    task = plan.members[0].task
    restores = kind == "RestoreSession"
    return task.values(**run_variables("run-1", "http://push:9091", restores=restores, interim_volume=True))


ALIKE = {
    "NAMESPACE": "demo",
    "INVOKER_NAME": "session",
    "PROMETHEUS_JOB_NAME": "session",
    "PROMETHEUS_PUSHGATEWAY_URL": "http://push:9091",
    "INTERIM_DATA_DIR": "/stash-interim-volume/data",
    "HOSTNAME": "main",
    "ENABLE_CACHE": "false",
    "LICENSE_APISERVICE": "",
    "TARGET_API_VERSION": "appcatalog.appscode.com/v1alpha1",
    "TARGET_KIND": "AppBinding",
    "TARGET_NAMESPACE": "demo",
    "TARGET_NAME": "db",
    "TARGET_MOUNT_PATH": "/stash-data",
    "TARGET_APP_REPLICAS": "1",
    "TARGET_APP_VERSION": "3.5.0",
    "TARGET_APP_TYPE": "group/etcd",
    "TARGET_APP_GROUP": "group",
    "TARGET_APP_RESOURCE": "etcd",
    "DRIVER_ARGS": "--x --y",
    "NICE_ADJUSTMENT": "5",
    "IONICE_CLASS": "2",
    "IONICE_CLASS_DATA": "4",
    "REPOSITORY_NAME": "repo",
    "REPOSITORY_NAMESPACE": "demo",
    "REPOSITORY_PROVIDER": "s3",
    "REPOSITORY_BUCKET": "b",
    "REPOSITORY_PREFIX": "p",
    "REPOSITORY_ENDPOINT": "http://s3:9000",
    "REPOSITORY_REGION": "eu",
    "REPOSITORY_INSECURE_TLS": "true",
    "REPOSITORY_SECRET_NAME": "secret",
    "REPOSITORY_SECRET_NAMESPACE": "demo",
    "MAX_CONNECTIONS": "0",
}


def test_all_variables_of_a_backup(tmp_path):
    kept = {f"keep{name}": number for number, name in enumerate(("Last", "Hourly", "Daily", "Weekly"), 1)}
    policy = {
        **kept,
        "keepMonthly": 5,
        "keepYearly": 6,
        "keepTags": ["a", "b"],
        "prune": True,
        "dryRun": True,
    }
    target = {"paths": ["/a", "/b"], "exclude": ["*.x", "*.y"]}
    found = values(tmp_path, "BackupConfiguration", target=target, retentionPolicy=policy, schedule="@daily")
    assert found == {
        **ALIKE,
        "INVOKER_KIND": "BackupConfiguration",
        "BACKUP_SESSION": "run-1",
        "TARGET_PATHS": "/a,/b",
        "EXCLUDE_PATTERNS": "*.x,*.y",
        "RETENTION_KEEP_LAST": "1",
        "RETENTION_KEEP_HOURLY": "2",
        "RETENTION_KEEP_DAILY": "3",
        "RETENTION_KEEP_WEEKLY": "4",
        "RETENTION_KEEP_MONTHLY": "5",
        "RETENTION_KEEP_YEARLY": "6",
        "RETENTION_KEEP_TAGS": "a,b",
        "RETENTION_PRUNE": "true",
        "RETENTION_DRY_RUN": "true",
    }


def test_all_variables_of_a_restore(tmp_path):
    rule = {
        "snapshots": ["1a2b", "3c4d"],
        "sourceHost": "other",
        "paths": ["/a"],
        "include": ["i"],
        "exclude": ["x"],
    }
    found = values(tmp_path, "RestoreSession", target={"rules": [rule]})
    assert found == {
        **ALIKE,
        "INVOKER_KIND": "RestoreSession",
        "RESTORE_SESSION": "session",
        "SOURCE_HOSTNAME": "other",
        "RESTORE_PATHS": "/a",
        "RESTORE_SNAPSHOTS": "1a2b,3c4d",
        "INCLUDE_PATTERNS": "i",
        "EXCLUDE_PATTERNS": "x",
    }


def test_what_stash_leaves_out_is_absent(tmp_path):
    """An empty value would keep a Function's default away."""
    policy = {"keepLast": 1}
    target = {"args": []}
    found = values(tmp_path, "BackupConfiguration", target=target, retentionPolicy=policy, schedule="@daily")
    assert {"DRIVER_ARGS", "EXCLUDE_PATTERNS", "REPOSITORY_URL"}.isdisjoint(found)
    restore = values(tmp_path, "RestoreSession", target={"rules": [{"snapshots": ["1a2b"]}]})
    assert (restore["EXCLUDE_PATTERNS"], restore["RESTORE_PATHS"]) == ("", "")  # Stash sets them


def test_an_empty_parameter_switches_a_functions_default_off(tmp_path):
    dump = function("dump", args=["--x=${args:=--clean}", "--host=${HOSTNAME:-host-0}", "--y=${other:-1}"])
    for params, first in (([], "--x=--clean"), ([{"name": "args", "value": ""}], "--x=")):
        (container,) = pod_of(own(tmp_path, [{"name": "dump", "params": params}], dump)).containers
        assert container["args"] == [first, "--host=app-data", "--y=1"]


def test_another_operator_is_refused_with_its_function_and_field(tmp_path):
    dump = function("dump", args=["sh", "-c", "echo ${HOSTNAME##*/}"])
    with pytest.raises(Refused, match="variables are taken as") as raised:
        own(tmp_path, [{"name": "dump"}], dump)
    assert raised.value.field == "Function dump: spec.args[2]"


def test_variables_of_a_restore(manifests):
    restore = manifests.get(RestoreSession, "demo", "statefulset-restore")
    variables = task_variables(
        restore,
        restore.spec,
        repository=None,
        binding=None,
        rule=restore.spec.target.rules[0],
    )
    assert variables["HOSTNAME"] == "my-sts"
    assert variables["SOURCE_HOSTNAME"] == "my-sts-1"
    assert variables["RESTORE_PATHS"] == "/source/data"
    assert variables["INCLUDE_PATTERNS"] == "/source/data/*.json"
    assert variables["RESTORE_SESSION"] == "statefulset-restore"
    of_run = run_variables("run-1", "", restores=True, interim_volume=True)
    assert of_run == {"PROMETHEUS_PUSHGATEWAY_URL": "", "INTERIM_DATA_DIR": "/stash-interim-volume/data"}


def test_a_task_of_ones_own_is_planned_or_refused_in_its_own_words(tmp_path):
    source = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "backupconfiguration.yaml").read_text())
    source["spec"]["task"] = {"name": "postgres-backup-11.2"}
    source["spec"]["target"]["args"] = ["--tag=mine"]
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(source))
    functions = EXAMPLES / "guides" / "task-and-functions.yaml"
    repository = EXAMPLES / "etcd-basic-auth" / "repository.yaml"
    (plan,), refusals = plan_all(load(tmp_path, functions, repository))
    assert refusals == []
    assert plan.members[0].task.values()["DRIVER_ARGS"] == "--tag=mine"
    places = {one.field: one.place for one in plan.fields}
    assert "postgres-backup-11-2-0" in places["spec.task.name"]
    assert "DRIVER_ARGS" in places["spec.target.args"]
    plans, (refusal,) = plan_all(load(tmp_path, functions))
    assert plans == []
    assert refusal.field == "spec.task.name"
    assert "REPOSITORY_SECRET_NAME has no value" in refusal.sentence
    (tmp_path / "t.yaml").write_text(
        functions.read_text()
        .replace("- name: postgres-backup-11.2", "- name: postgres-backup-11.3")
    )  # fmt: skip
    plans, (refusal,) = plan_all(load(tmp_path, repository))
    assert "no Function 'postgres-backup-11.3'" in refusal.sentence
    assert "'postgres-backup-11.2' meant?" in refusal.sentence
