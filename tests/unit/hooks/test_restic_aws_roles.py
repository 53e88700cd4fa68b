"""Roles of AWS: its token service can't be had here, so moto stands in for it (requests and answers as AWS's)."""

import json

import pytest

from airflow_provider_stash.hooks.restic import ResticHook

ROLE = "arn:aws:iam::123456789012:role/etcd-backup"
AWS_KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


@pytest.fixture
def keys_of(monkeypatch):
    from moto import mock_aws  # the environment with the oldest Airflow has none

    def read(connection):
        monkeypatch.setenv("AIRFLOW_CONN_ROLE", json.dumps({"conn_type": "aws", **connection}))
        extra = {"aws_conn_id": "role"}
        restic = {"conn_type": "restic", "password": "pw", "host": "s3:http://127.0.0.1/b", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_R", json.dumps(restic))
        return ResticHook("r").get_repository().environment

    for name in (*AWS_KEYS, "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield read


def test_an_assumed_role(keys_of):
    extra = {"role_arn": ROLE, "region_name": "us-east-1"}
    keys = keys_of({"login": "AKIAME", "password": "own-secret", "extra": extra})
    assert set(keys) == AWS_KEYS
    assert keys["AWS_ACCESS_KEY_ID"].startswith("ASIA")  # a temporary key
    assert keys["AWS_SECRET_ACCESS_KEY"] != "own-secret"


def test_a_web_identity(keys_of, tmp_path):
    """As in a pod with an IAM role for its service account (IRSA)."""
    token = tmp_path / "token"
    token.write_text("a.projected.token")
    extra = {
        "role_arn": ROLE,
        "region_name": "us-east-1",
        "assume_role_method": "assume_role_with_web_identity",
        "assume_role_with_web_identity_federation": "file",
        "assume_role_with_web_identity_token_file": str(token),
    }
    keys = keys_of({"extra": extra})
    assert set(keys) == AWS_KEYS
    assert keys["AWS_ACCESS_KEY_ID"].startswith("ASIA")
