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
from airflow_provider_stash.resources.task_containers import task_pod_spec
from airflow_provider_stash.resources.task_variables import task_variables
from airflow_provider_stash.resources.variables import substitute

EXAMPLES = Path(__file__).parents[2] / "stash_manifests"


@pytest.fixture
def manifests():
    return load(EXAMPLES / "guides", EXAMPLES / "etcd-basic-auth")


def backup_variables(manifests, params=None):
    backup = manifests.get(BackupConfiguration, "demo", "demo-backup")
    return task_variables(
        backup,
        backup.spec,
        params=params or {},
        repository=manifests.get(Repository, "demo", "s3-repo"),
        binding=manifests.get(AppBinding, "demo", "etcd-appbinding"),
        session_name="run-1",
        pushgateway_url="http://push:9091",
    )


def test_the_task_of_stashs_guide_becomes_containers(manifests):
    task = manifests.get(Task, "", "postgres-backup-11.2")
    backup = manifests.get(BackupConfiguration, "demo", "demo-backup").dump()["spec"]
    pod = task_pod_spec(
        manifests,
        task,
        backup_variables(manifests, {"args": "--clean", "outputDir": "/out"}),
        runtime_settings=backup["runtimeSettings"],
        temp_dir=backup["tempDir"],
    )
    (first,), (last,) = pod["initContainers"], pod["containers"]
    assert (first["name"], first["image"]) == ("postgres-backup-11-2-0", "stashed/postgres-stash:11.2")
    assert last["name"] == "update-status-1"
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
        {"name": "tmp-dir", "mountPath": "/tmp"},
    ]
    # the target's settings go before the Function's
    assert first["securityContext"] == {"runAsUser": 2000, "runAsGroup": 2000}
    assert first["resources"] == {"requests": {"memory": "256M"}, "limits": {"memory": "256M"}}
    assert pod["volumes"] == [
        {"name": "secret-volume", "secret": {"secretName": "s3-secret"}},
        {"name": "tmp-dir", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]
    assert pod["serviceAccountName"] == "my-backup-svc"
    assert pod["restartPolicy"] == "Never"


def test_variables_of_a_backup(manifests):
    variables = backup_variables(manifests)
    assert {name: variables[name] for name in ("NICE_ADJUSTMENT", "IONICE_CLASS", "IONICE_CLASS_DATA")} == {
        "NICE_ADJUSTMENT": "5",
        "IONICE_CLASS": "2",
        "IONICE_CLASS_DATA": "4",
    }
    assert variables["TARGET_PATHS"] == "/source/data"
    assert variables["TARGET_MOUNT_PATH"] == "/source/data"
    assert variables["EXCLUDE_PATTERNS"].startswith("/source/data/not-important.txt,")
    assert variables["INTERIM_DATA_DIR"] == "/tmp/stash-interim-volume/data"
    assert variables["TARGET_APP_VERSION"] == "3.5.0"
    assert variables["TARGET_APP_RESOURCE"] == "etcd"
    assert variables["REPOSITORY_SECRET_NAME"] == "s3-secret"
    assert variables["PROMETHEUS_PUSHGATEWAY_URL"] == "http://push:9091"
    assert variables["PROMETHEUS_JOB_NAME"] == variables["INVOKER_NAME"] == "demo-backup"


def test_variables_of_a_restore(manifests):
    restore = manifests.get(RestoreSession, "demo", "statefulset-restore")
    variables = task_variables(
        restore,
        restore.spec,
        params={},
        repository=None,
        binding=None,
        rule=restore.spec.target.rules[0],
    )
    assert variables["HOSTNAME"] == "my-sts"
    assert variables["SOURCE_HOSTNAME"] == "my-sts-1"
    assert variables["RESTORE_PATHS"] == "/source/data"
    assert variables["INCLUDE_PATTERNS"] == "/source/data/*.json"
    assert variables["RESTORE_SESSION"] == "statefulset-restore"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A:=2}y", "x1y"),
        ("${B:=2}", "2"),
        ("${B:=}", ""),
        ("${B=2}", "2"),
        ("${EMPTY}", ""),
        ("${EMPTY:=d}", "d"),
        ("$${A}", "${A}"),
        ("$A", "$A"),
    ],
)
def test_substitution(text, expected):
    assert substitute([{"k": text}], {"A": "1", "EMPTY": ""}) == [{"k": expected}]


def test_a_variable_without_value_or_default_is_refused_with_its_place():
    with pytest.raises(Refused, match="UNKNOWN has no value") as raised:
        substitute({"args": ["a", "${UNKNOWN}"]}, {}, "spec")
    assert raised.value.field == "spec.args[1]"


def test_a_task_of_ones_own_is_refused_in_its_own_words(tmp_path):
    source = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "backupconfiguration.yaml").read_text())
    source["spec"]["task"] = {"name": "postgres-backup-11.2"}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(source))
    functions = EXAMPLES / "guides" / "task-and-functions.yaml"
    repository = EXAMPLES / "etcd-basic-auth" / "repository.yaml"
    plans, (refusal,) = plan_all(load(tmp_path, functions, repository))
    assert plans == []
    assert refusal.field == "spec.task.name"
    assert "(postgres-backup-11-2-0, update-status-1) need Kubernetes" in refusal.sentence
    plans, (refusal,) = plan_all(load(tmp_path, functions))
    assert "REPOSITORY_SECRET_NAME has no value" in refusal.sentence
    (tmp_path / "t.yaml").write_text(
        functions.read_text().replace("- name: update-status", "- name: update-statuss")
    )
    plans, (refusal,) = plan_all(load(tmp_path, repository))
    assert "no Function 'update-statuss'" in refusal.sentence
    assert "'update-status' meant?" in refusal.sentence
