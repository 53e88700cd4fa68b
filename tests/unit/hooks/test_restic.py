import base64
import json

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.hooks.restic import ResticHook

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s3cret"}


@pytest.fixture
def repository(monkeypatch):
    def read(connection):
        if not isinstance(connection, str):
            connection = json.dumps(
                {"conn_type": "restic", "password": "pw", "host": "s3:http://h/b", **connection}
            )
        monkeypatch.setenv("AIRFLOW_CONN_R", connection)
        return ResticHook("r").get_repository()

    return read


def secret(field, keys):
    return "\n".join(
        [f"apiVersion: v1\nkind: Secret\n{field}:"] + [f"  {key}: {value}" for key, value in keys.items()]
    )


@pytest.mark.parametrize(
    "extra",
    [
        KEYS,
        {"storage_secret": KEYS},
        {"storage_secret": json.dumps(KEYS)},
        {"storage_secret": "AWS_ACCESS_KEY_ID=a\nexport AWS_SECRET_ACCESS_KEY=s3cret\n"},
        {"storage_secret": secret("stringData", KEYS)},
        {
            "storage_secret": secret(
                "data", {k: base64.b64encode(v.encode()).decode() for k, v in KEYS.items()}
            )
        },
    ],
)
def test_a_secrets_content_can_be_pasted_in_any_form(repository, extra):
    assert repository({"extra": extra}).environment == KEYS


def test_the_other_fields(repository):
    extra = {
        "region": "eu",
        "max_connections": "3",
        "limit_upload": 5,
        "no_cache": True,
        "insecure_tls": "true",
    }
    read = repository({"extra": extra})
    assert (read.options, read.max_connections, read.limit_upload) == ({"s3.region": "eu"}, 3, 5)
    assert (read.no_cache, read.insecure_tls, read.restic) == (True, True, "restic")


def test_uri_form(repository):
    read = repository("restic://:p%40ss@/?location=%2Fsrv%2FRestic&no_cache=true")
    assert (read.location, read.password, read.no_cache) == ("/srv/Restic", "p@ss", True)


def test_an_aws_connection_gives_credentials_region_and_endpoint(repository, monkeypatch):
    aws = {
        "conn_type": "aws",
        "login": "AKIA",
        "password": "aws-secret",
        "extra": {
            "region_name": "eu-west-1",
            "aws_session_token": "tok",
            "endpoint_url": "http://store:9000",
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS", json.dumps(aws))
    read = repository({"host": "s3://bucket/prefix", "extra": {"aws_conn_id": "aws"}})
    assert read.environment == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "aws-secret",
        "AWS_SESSION_TOKEN": "tok",
    }
    assert read.options == {"s3.region": "eu-west-1"}
    assert read.location == "s3:http://store:9000/bucket/prefix"


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"host": ""}, "no repository location"),
        ({"password": ""}, "has no password"),
        ({"extra": {"AWS_ACCESS_KEY_ID": "a"}}, "AWS_SECRET_ACCESS_KEY is missing"),
        ({"extra": {"storage_secret": "AWS_ACCES_KEY_ID=a"}}, "is 'AWS_ACCESS_KEY_ID' meant"),
        ({"extra": {"storage_secret": "rubbish"}}, "holds no keys"),
        ({"extra": {"max_connections": 0}}, "'max_connections'"),
        ({"host": "/srv", "extra": {"aws_conn_id": "x"}}, "not on S3"),
    ],
)
def test_a_mistake_is_told_with_its_connection(repository, connection, words):
    with pytest.raises(InvalidConfigurationError, match=words) as error:
        repository(connection)
    assert "'r'" in str(error.value) or "aws_conn_id" in str(error.value)


def test_what_is_no_base64_is_told_without_being_repeated(repository):
    with pytest.raises(InvalidConfigurationError) as error:
        repository({"extra": {"storage_secret": secret("data", {"AWS_ACCESS_KEY_ID": "hunter2!!"})}})
    assert "hunter2" not in str(error.value)


def test_without_credentials_an_address_will_do(monkeypatch):
    """A step in a Job has them from a Secret."""
    monkeypatch.setenv("AIRFLOW_CONN_R", json.dumps({"conn_type": "restic", "host": "s3:http://h/b"}))
    with pytest.raises(InvalidConfigurationError, match="has no password"):
        ResticHook("r").get_repository()
    assert ResticHook("r").get_repository(credentials=False).location == "s3:http://h/b"
    monkeypatch.setenv(
        "AIRFLOW_CONN_R",
        json.dumps({"conn_type": "restic", "host": "s3:http://h/b", "password": "pw", "extra": KEYS}),
    )
    assert ResticHook("r").get_repository(credentials=False).secrets == []
