import json
import shlex
from pathlib import Path

import pytest
import yaml
from airflow.models import Connection
from airflow.secrets.local_filesystem import load_connections_dict

from airflow_provider_stash.cli.imports import find_connections, printed
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
