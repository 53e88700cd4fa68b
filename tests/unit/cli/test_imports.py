import json
import shlex
from pathlib import Path

import pytest
import yaml
from airflow.models import Connection
from airflow.secrets.local_filesystem import load_connections_dict

from airflow_provider_stash.cli.imports import _row, find_connections, printed
from airflow_provider_stash.resources import load

GUIDE = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: gcs-secret, namespace: demo}
stringData: {RESTIC_PASSWORD: pass'word, GOOGLE_PROJECT_ID: my-project}
---
apiVersion: stash.appscode.com/v1alpha1
kind: Repository
metadata: {name: other, namespace: demo}
spec: {backend: {local: {mountPath: /srv, hostPath: {path: /srv}}, storageSecretName: missing}}
"""


@pytest.fixture
def found(tmp_path):
    (tmp_path / "secret.yaml").write_text(SECRET)
    return find_connections(load(GUIDE, tmp_path))


@pytest.mark.oldest
def test_what_the_sessions_need_and_what_can_not_be_made(found):
    connections, refusals = found
    assert [one.plan.conn_id for one in connections] == [
        "stash_appbinding__demo__etcd_appbinding",
        "stash_repository__demo__gcs_repo",
    ]
    assert connections[0].fields["login"] == "root"
    assert connections[1].fields["password"] == "pass'word"
    (refusal,) = refusals
    assert "Secret demo/missing" in refusal


@pytest.mark.oldest
def test_every_appbinding_of_etcd_also_without_a_session(tmp_path):
    bindings = [
        ("first", "etcd", {}),
        ("kubedb", "kubedb.com/etcd", {}),
        ("plain", "", {}),
        ("locked", "etcd", {"secret": {"name": "missing"}}),
        ("pg", "kubedb.com/postgres", {}),
    ]
    documents = [
        {
            "apiVersion": "appcatalog.appscode.com/v1alpha1",
            "kind": "AppBinding",
            "metadata": {"name": name, "namespace": "demo"},
            "spec": {"type": type_, "clientConfig": {"url": f"http://{name}:2379"}, **more},
        }
        for name, type_, more in bindings
    ]
    (tmp_path / "bindings.yaml").write_text(yaml.safe_dump_all(documents))
    connections, refusals = find_connections(load(tmp_path))
    assert [(one.plan.conn_id, one.fields["host"]) for one in connections] == [
        ("stash_appbinding__demo__first", "http://first:2379"),
        ("stash_appbinding__demo__kubedb", "http://kubedb:2379"),
        ("stash_appbinding__demo__plain", "http://plain:2379"),
    ]
    (refusal,) = refusals
    assert "Secret demo/missing (of AppBinding demo/locked)" in refusal


@pytest.mark.oldest
def test_what_a_session_says_of_its_connections_goes_first(tmp_path):
    backup = yaml.safe_load((GUIDE / "backupconfiguration.yaml").read_text())
    flag = {"name": "args", "value": "--insecure-skip-tls-verify"}
    backup["spec"]["task"]["params"] = [flag]
    (tmp_path / "backup.yaml").write_text(yaml.safe_dump(backup))
    kept = [GUIDE / f"{name}.yaml" for name in ("appbinding", "repository", "secret")]
    found, _ = find_connections(load(tmp_path, *kept))
    assert found[0].fields["extra"]["insecure_skip_verify"] is True


def test_a_password_in_the_address_is_not_shown(tmp_path):
    repository = {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": "rest", "namespace": "demo"},
        "spec": {
            "backend": {"rest": {"url": "https://bob:hunter2@host:8000/r"}, "storageSecretName": "gcs-secret"}
        },
    }
    (tmp_path / "repository.yaml").write_text(yaml.safe_dump(repository))
    (tmp_path / "secret.yaml").write_text(SECRET.partition("---")[0])
    (found,), _ = find_connections(load(tmp_path))
    assert _row(found, None)["host"] == "rest:https://host:8000/r"
    assert found.fields["host"] == "rest:https://bob:hunter2@host:8000/r"


@pytest.mark.parametrize(
    ("form", "suffix", "read"), [("json", "json", json.loads), ("yaml", "yaml", yaml.safe_load)]
)
def test_airflows_file_backend_reads_what_is_printed(found, tmp_path, form, suffix, read):
    file = tmp_path / f"connections.{suffix}"
    file.write_text(printed(found[0], form))
    assert set(read(file.read_text())) == {one.plan.conn_id for one in found[0]}
    loaded = load_connections_dict(str(file))
    assert loaded["stash_repository__demo__gcs_repo"].password == "pass'word"
    assert loaded["stash_repository__demo__gcs_repo"].extra_dejson["storage_secret"] == {
        "GOOGLE_PROJECT_ID": "my-project"
    }


def test_a_shell_reads_what_is_printed_as_variables(found):
    lines = [shlex.split(line) for line in printed(found[0], "env").splitlines()]
    values = dict(one.split("=", 1) for (one,) in lines)
    connection = Connection.from_json(values["AIRFLOW_CONN_STASH_REPOSITORY__DEMO__GCS_REPO"])
    assert connection.password == "pass'word"
    assert connection.host == "gs:stash-testing:/demo/etcd/basic-auth-backup"
