"""The Test button of both connections, at live servers: it answers within seconds, in a sentence."""

import json
import time
from dataclasses import replace

import pytest

from airflow_provider_stash.hooks.etcd import EtcdHook
from airflow_provider_stash.hooks.restic import ResticHook
from airflow_provider_stash.restic.init import ensure_repository
from testbed.certificates import Authority
from testbed.process import free_port
from testbed.restic_repository import make_repository


@pytest.fixture
def press(monkeypatch):
    def press(hook, connection):
        monkeypatch.setenv(
            "AIRFLOW_CONN_TESTED", connection if isinstance(connection, str) else json.dumps(connection)
        )
        begin = time.monotonic()
        answer = hook("tested").test_connection()
        assert time.monotonic() - begin < 15
        return answer

    return press


def changed(cluster, **given):
    connection = json.loads(cluster.connection())
    connection["extra"] = {**connection["extra"], **given.pop("extra", {})}
    return {**connection, **given}


# --- etcd -------------------------------------------------------------------------------------------


def test_etcd_answers(press, cluster):
    cluster.fill(10)
    good, words = press(EtcdHook, cluster.connection())
    assert good is True
    assert "3 of 3 members answer" in words
    assert "10 keys" in words


def test_etcd_wrong_password(press, cluster):
    good, words = press(EtcdHook, changed(cluster, password="hunter2"))
    assert good is False
    assert "password" in words
    assert "hunter2" not in words


def test_etcd_wrong_ca(press, cluster, tmp_path):
    other = Authority(tmp_path).cert.read_text()
    good, words = press(EtcdHook, changed(cluster, extra={"ca_certificate": other}))
    assert good is False
    assert "certificate" in words


def test_etcd_nobody_listens(press):
    good, words = press(EtcdHook, {"conn_type": "etcd", "host": f"127.0.0.1:{free_port()}"})
    assert good is False
    assert "nothing listens there" in words


def test_etcd_a_member_that_is_dead_is_told(press, cluster):
    member = cluster.members[2]
    member.run("stop")
    try:
        good, words = press(EtcdHook, cluster.connection())
    finally:
        member.run("start")
        cluster.wait_healthy()
    assert good is True
    assert "2 of 3 members answer" in words
    assert "Not answering: " in words


# --- restic -----------------------------------------------------------------------------------------


def connection_of(repository, **extra):
    extra = {"no_cache": True, "restic_path": repository.restic, **extra}
    return {
        "conn_type": "restic",
        "host": repository.location,
        "password": repository.password,
        "extra": extra,
    }


def test_restic_opens(press, repository):
    make_repository(repository)
    made = ensure_repository(repository, initialize=False)
    good, words = press(ResticHook, connection_of(repository))
    assert good is True
    assert f"The repository {made.id[:10]} (format 2) at {repository.location} opens (restic " in words


def test_restic_is_not_there_yet(press, repository):
    good, words = press(ResticHook, connection_of(repository))
    assert good is True
    assert "the first backup will make it" in words


def test_restic_wrong_password(press, repository):
    make_repository(repository)
    good, words = press(ResticHook, connection_of(replace(repository, password="hunter2")))
    assert good is False
    assert "password" in words
    assert "hunter2" not in words


def test_restic_nobody_listens(press, repository):
    away = replace(repository, location=f"rest:http://127.0.0.1:{free_port()}/")
    good, words = press(ResticHook, connection_of(away))
    assert good is False
    assert "127.0.0.1" in words


def test_restic_with_the_keys_of_an_aws_connection(press, repository, s3, monkeypatch):
    """Credentials, region and endpoint come from the amazon provider."""
    location = s3.location("aws-conn", "prefix")
    endpoint, _, bucket = location.removeprefix("s3:").partition("/aws-conn")
    aws = {
        "conn_type": "aws",
        "login": s3.keys["AWS_ACCESS_KEY_ID"],
        "password": s3.keys["AWS_SECRET_ACCESS_KEY"],
        "extra": {"region_name": "us-east-1", "service_config": {"s3": {"endpoint_url": endpoint}}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_OF_S3", json.dumps(aws))
    there = replace(repository, location=f"s3://aws-conn{bucket}")
    good, words = press(ResticHook, connection_of(there, aws_conn_id="of_s3"))
    assert good is True, words
    ensure_repository(ResticHook("tested").get_repository())
    good, words = press(ResticHook, connection_of(there, aws_conn_id="of_s3"))
    assert good is True
    assert "opens" in words
    wrong = {**aws, "password": "hunter2"}
    monkeypatch.setenv("AIRFLOW_CONN_OF_S3", json.dumps(wrong))
    good, words = press(ResticHook, connection_of(there, aws_conn_id="of_s3"))
    assert good is False
    assert "hunter2" not in words
