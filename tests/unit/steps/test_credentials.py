import json

import pytest

from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.backends import with_credentials
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps import credentials

PEM = b"-----BEGIN X-----\nabc\n-----END X-----\n"


def mount(directory, secret):
    """Lay files as Kubernetes does: by way of links."""
    data = directory / "..2026"
    data.mkdir(parents=True)
    (directory / "..data").symlink_to("..2026")
    for key, value in secret.items():
        (data / key).write_bytes(value)
        (directory / key).symlink_to(f"..data/{key}")
    return directory


ETCDS = [
    EtcdConfig(parse_endpoints("http://a:1,http://b:2")),
    EtcdConfig(
        parse_endpoints("https://a:1"), user="root", password="pä ss", ca_cert=PEM, client_cert=PEM, client_key=PEM, timeout=3.0
    ),
    EtcdConfig(parse_endpoints("https://a:1"), insecure_skip_verify=True, server_name="etcd.demo.svc"),
]  # fmt: skip


@pytest.mark.parametrize("config", ETCDS)
def test_etcd_there_and_back(tmp_path, config):
    settings = json.loads(json.dumps(credentials.etcd_settings(config)))
    secret = credentials.etcd_secret(config)
    assert "pä ss" not in json.dumps(settings, ensure_ascii=False)
    directory = mount(tmp_path / "etcd", secret) if secret else tmp_path / "none"
    assert credentials.load_etcd(settings, directory) == config


@pytest.mark.parametrize(
    "keys", [("client.pem", "client-key.pem"), ("tls.crt", "tls.key")], ids=["stash", "kubernetes"]
)
def test_a_client_certificate_of_a_secret_that_exists(tmp_path, keys):
    """Stash's TLS guide has ``client.pem`` and ``client-key.pem``."""
    settings = credentials.etcd_settings(EtcdConfig(parse_endpoints("https://a:1")))
    secret = {keys[0]: PEM, keys[1]: b"key", "other": b"x"}
    config = credentials.load_etcd(settings, mount(tmp_path / "whole", secret))
    assert (config.client_cert, config.client_key) == (PEM, b"key")
    with pytest.raises(InvalidConfigurationError, match="certificate is given, but its key is not"):
        credentials.load_etcd(settings, mount(tmp_path / "half", {keys[0]: PEM}))


@pytest.mark.parametrize("half", ["tls.crt", "tls.key"])
def test_a_whole_pair_goes_before_half_of_another_and_stashs_before_kubernetes(tmp_path, half):
    """As in the connection that is made of an AppBinding."""
    settings = credentials.etcd_settings(EtcdConfig(parse_endpoints("https://a:1")))
    pair = {"client.pem": PEM, "client-key.pem": b"key"}
    for name, more in (("half", {half: b"x"}), ("both", {"tls.crt": b"x", "tls.key": b"x"})):
        config = credentials.load_etcd(settings, mount(tmp_path / name, pair | more))
        assert (config.client_cert, config.client_key) == (PEM, b"key")
    other = {"tls.crt": PEM, "tls.key": b"key", "client.pem": b"x", "client-key.pem": b""}
    config = credentials.load_etcd(settings, mount(tmp_path / "kubernetes", other))
    assert (config.client_cert, config.client_key) == (PEM, b"key")


REPOSITORIES = [
    ("/srv/restic", {}),
    ("s3:https://s3.example.com/b/p", {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s3cret"}),
    (
        "gs:bucket:/p",
        {"GOOGLE_PROJECT_ID": "p", "GOOGLE_SERVICE_ACCOUNT_JSON_KEY": '{"private_key": "s3cret"}'},
    ),
    ("rest:https://host/r", {"REST_SERVER_USERNAME": "u", "REST_SERVER_PASSWORD": "s3cret"}),
    ("rest:https://u:s3cret@host/r", {}),
]


@pytest.mark.parametrize(("location", "keys"), REPOSITORIES)
def test_a_repository_there_and_back(tmp_path, location, keys):
    plain = Repository(
        location, "s3cret-password", ca_cert=PEM, client_cert=PEM, max_connections=3, limit_upload=5, options={"s3.region": "r"}
    )  # fmt: skip
    repository = with_credentials(plain, keys)
    settings = json.loads(json.dumps(credentials.repository_settings(repository)))
    assert "s3cret" not in json.dumps(settings)
    directory = mount(tmp_path / "repository", credentials.repository_secret(repository))
    assert credentials.load_repository(settings, directory) == repository


def test_secrets_as_people_make_them_from_files(tmp_path):
    """With a line's end behind the value; Stash takes the one behind the password as a part of it."""
    secret = {"RESTIC_PASSWORD": b"pw\n", "AWS_ACCESS_KEY_ID": b"id\n", "AWS_SECRET_ACCESS_KEY": b"key\n"}
    settings = credentials.repository_settings(Repository("s3:http://h/b", ""))
    repository = credentials.load_repository(settings, mount(tmp_path / "r", secret))
    assert repository.password == "pw\n"
    assert repository.environment["AWS_SECRET_ACCESS_KEY"] == "key"


def test_of_a_storage_secret_the_keys_that_the_backend_knows(tmp_path):
    """A Secret may hold those of several backends, as in Stash, and what is no text."""
    secret = {
        "RESTIC_PASSWORD": b"pw",
        "AWS_ACCESS_KEY_ID": b"id",
        "AWS_SECRET_ACCESS_KEY": b"key",
        "CA_CERT_DATA": PEM,
        "GOOGLE_PROJECT_ID": b"p",
        "GOOGLE_SERVICE_ACCOUNT_JSON_KEY": b"{}",
        "keystore.p12": b"\xff\xfe",
    }
    settings = credentials.repository_settings(Repository("s3:https://h/b", ""))
    repository = credentials.load_repository(settings, mount(tmp_path / "r", secret))
    assert repository.environment == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert repository.secret_files == {}
    assert repository.ca_cert == PEM.rstrip(b"\n")
    del secret["AWS_ACCESS_KEY_ID"]
    with pytest.raises(InvalidConfigurationError, match="AWS_ACCESS_KEY_ID is missing"):
        credentials.load_repository(settings, mount(tmp_path / "half", secret))


def test_what_is_missing_is_named(tmp_path):
    settings = credentials.repository_settings(Repository("/r", ""))
    with pytest.raises(InvalidConfigurationError, match="holds no RESTIC_PASSWORD"):
        credentials.load_repository(settings, tmp_path)
