import base64

import pytest
import yaml

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.resources import load
from airflow_provider_stash.resources.connections import connection_id, etcd_connection, restic_connection

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def manifests(tmp_path, *documents):
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all(documents))
    loaded = load(tmp_path)
    assert loaded.refusals == []
    return loaded


def secret(name, **values):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "demo"},
        "data": {key: encoded(value) for key, value in values.items()},
    }


def binding(**spec):
    return {
        "apiVersion": "appcatalog.appscode.com/v1alpha1",
        "kind": "AppBinding",
        "metadata": {"name": "a", "namespace": "demo"},
        "spec": {"clientConfig": {"service": {"name": "etcd", "port": 2379, "scheme": "http"}}, **spec},
    }


def repository(**backend):
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": "r", "namespace": "demo"},
        "spec": {"backend": {"storageSecretName": "storage", **backend}},
    }


def test_ids_that_a_shell_can_export():
    assert connection_id("Repository", "my-team", "gcs.repo") == "stash_repository__my_team__gcs_repo"
    assert f"AIRFLOW_CONN_{connection_id('AppBinding', 'a', 'b-c').upper()}".isidentifier()


def test_basic_auth(tmp_path):
    loaded = manifests(
        tmp_path, binding(secret={"name": "s"}), secret("s", username="root", password="not@secret")
    )
    assert etcd_connection(loaded, "demo", "a") == {
        "conn_type": "etcd",
        "host": "http://etcd.demo.svc:2379",
        "login": "root",
        "password": "not@secret",
        "extra": {},
    }


@pytest.mark.parametrize("names", [("client.pem", "client-key.pem"), ("tls.crt", "tls.key")])
def test_tls_by_stashs_keys_or_kubernetes(tmp_path, names):
    config = {"caBundle": encoded(PEM), "service": {"name": "etcd", "port": 2379, "scheme": "https"}}
    pair = dict(zip(names, ("cert", "key"), strict=True))
    loaded = manifests(tmp_path, binding(clientConfig=config, secret={"name": "s"}), secret("s", **pair))
    made = etcd_connection(loaded, "demo", "a")
    assert made["host"] == "https://etcd.demo.svc:2379"
    assert made["extra"] == {"ca_certificate": PEM, "client_certificate": "cert", "client_private_key": "key"}
    assert (made["login"], made["password"]) == (None, None)
    insecure = etcd_connection(loaded, "demo", "a", insecure=True)
    assert insecure["extra"]["insecure_skip_verify"] is True


def test_the_name_that_certificates_hold(tmp_path):
    config = {"url": "https://10.0.0.1:2379", "serverName": "etcd.demo.svc"}
    loaded = manifests(tmp_path, binding(clientConfig=config))
    assert etcd_connection(loaded, "demo", "a")["extra"] == {"server_name": "etcd.demo.svc"}


def test_a_binary_value_is_in_the_way_of_itself_alone(tmp_path):
    binary = base64.b64encode(b"\xff\xfe").decode()
    documents = []
    for name, broken in (("s", "keystore.p12"), ("storage", "AWS_ACCESS_KEY_ID")):
        one = secret(name, username="root", password="p", RESTIC_PASSWORD="r")
        one["data"][broken] = binary
        documents.append(one)
    loaded = manifests(tmp_path, binding(secret={"name": "s"}), repository(s3={"bucket": "b"}), *documents)
    assert etcd_connection(loaded, "demo", "a")["login"] == "root"
    with pytest.raises(InvalidConfigurationError, match="'AWS_ACCESS_KEY_ID' in its Secret is no text"):
        restic_connection(loaded, "demo", "r")


def test_secret_transforms(tmp_path):
    transforms = [
        {"renameKey": {"from": "user", "to": "username"}},
        {"addKey": {"key": "password", "stringValue": "p"}},
        {"addKeysFrom": {"secretRef": {"name": "more"}}},
        {"removeKey": {"key": "tls.crt"}},
    ]
    loaded = manifests(
        tmp_path,
        binding(secret={"name": "s"}, secretTransforms=transforms),
        secret("s", user="u", **{"tls.crt": "c", "tls.key": "k"}),
        secret("more", password="q"),
    )
    made = etcd_connection(loaded, "demo", "a")
    assert (made["login"], made["password"], made["extra"]) == ("u", "q", {})


def test_an_address_outside_kubernetes(tmp_path):
    loaded = manifests(tmp_path, binding(clientConfig={"url": "https://10.0.0.1:2379/, 10.0.0.2"}))
    assert etcd_connection(loaded, "demo", "a")["host"] == "https://10.0.0.1:2379,10.0.0.2"


def test_a_repository_takes_of_its_secret_what_its_backend_knows(tmp_path):
    backend = {
        "s3": {
            "endpoint": "http://minio:9000",
            "bucket": "b",
            "prefix": "/p",
            "region": "eu",
            "insecureTLS": True,
        }
    }
    keys = {
        "RESTIC_PASSWORD": "pw",
        "AWS_ACCESS_KEY_ID": "i",
        "AWS_SECRET_ACCESS_KEY": "s",
        "GOOGLE_PROJECT_ID": "g",
    }
    loaded = manifests(tmp_path, repository(**backend), secret("storage", **keys))
    made = restic_connection(loaded, "demo", "r", no_cache=True)
    assert (made["conn_type"], made["host"], made["password"]) == ("restic", "s3:http://minio:9000/b/p", "pw")
    assert made["extra"] == {
        "storage_secret": {"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"},
        "region": "eu",
        "insecure_tls": True,
        "no_cache": True,
    }


def test_what_is_missing_is_named(tmp_path):
    loaded = manifests(tmp_path, repository(rest={"url": "http://r/"}), binding(secret={"name": "s"}))
    with pytest.raises(
        InvalidConfigurationError, match=r"Secret demo/storage \(of Repository demo/r\) is not in"
    ):
        restic_connection(loaded, "demo", "r")
    with pytest.raises(InvalidConfigurationError, match=r"Secret demo/s \(of AppBinding demo/a\)"):
        etcd_connection(loaded, "demo", "a")
    with pytest.raises(InvalidConfigurationError, match="Repository demo/other is not in"):
        restic_connection(loaded, "demo", "other")


def test_why_a_secret_is_missing_is_told(tmp_path):
    broken = {**secret("s"), "data": {"password": "hunter2!"}}
    other = {**binding(), "metadata": {"name": "s", "namespace": "demo"}, "spec": {}}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all([binding(secret={"name": "s"}), other, broken]))
    with pytest.raises(
        InvalidConfigurationError, match=r"or can't be read\..*Secret demo/s: data\.password: "
    ) as told:
        etcd_connection(load(tmp_path), "demo", "a")
    assert "hunter2" not in str(told.value)
    assert "AppBinding demo/s" not in str(told.value)
