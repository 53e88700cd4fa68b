import json

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.hooks.etcd import EtcdHook

PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


@pytest.fixture
def config(monkeypatch):
    def read(connection):
        text = connection if isinstance(connection, str) else json.dumps({"conn_type": "etcd", **connection})
        monkeypatch.setenv("AIRFLOW_CONN_E", text)
        return EtcdHook("e").get_config()

    return read


def urls(config):
    return [endpoint.url for endpoint in config.endpoints]


def test_several_endpoints_user_and_password(config):
    read = config(
        {"host": "https://a:1,b", "port": 7, "login": "u", "password": "p", "extra": {"timeout": "2.5"}}
    )
    assert urls(read) == ["https://a:1", "http://b:7"]
    assert (read.user, read.password, read.timeout) == ("u", "p", 2.5)


def test_a_ca_makes_https_the_default(config):
    read = config({"host": "a,b:3", "extra": {"ca_certificate": PEM}})
    assert urls(read) == ["https://a:2379", "https://b:3"]
    assert read.ca_cert == PEM.encode()


def test_a_server_name_is_for_tls(config):
    read = config({"host": "10.0.0.1", "extra": {"server_name": "etcd.demo.svc"}})
    assert (urls(read), read.server_name) == (["https://10.0.0.1:2379"], "etcd.demo.svc")


def test_pem_from_a_file_and_with_escaped_newlines(config, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text(PEM)
    assert config({"host": "a", "extra": {"ca_certificate": str(path)}}).ca_cert == PEM.encode()
    escaped = PEM.replace("\n", "\\n")
    assert config({"host": "a", "extra": {"ca_certificate": escaped}}).ca_cert == PEM.encode()


def test_uri_forms(config):
    assert urls(config("etcd://u:p%40ss@a:2379")) == ["http://a:2379"]
    read = config(
        "etcd://u:p@/?endpoints=https%3A%2F%2Fa%3A1%2Chttps%3A%2F%2Fb%3A2&insecure_skip_verify=true"
    )
    assert urls(read) == ["https://a:1", "https://b:2"]
    assert read.insecure_skip_verify is True


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({}, "No etcd endpoint"),
        ({"host": "a", "extra": {"ca_cert": PEM}}, "'ca_cert' is not known; is 'ca_certificate' meant"),
        ({"host": "a", "extra": {"ca_certificate": "rubbish"}}, "'ca_certificate' is no PEM"),
        ({"host": "a", "extra": {"ca_certificate": "/no/such/file"}}, "No such file"),
        ({"host": "a", "extra": {"timeout": "soon"}}, "'timeout' is 'soon'"),
        ({"host": "a", "extra": {"insecure_skip_verify": "perhaps"}}, "give true or false"),
        ({"host": "a", "login": "u"}, "no password"),
        (
            {"host": "http://a", "extra": {"server_name": "b"}},
            "TLS settings are given, but http://a:2379 is plain",
        ),
    ],
)
def test_a_mistake_is_told_with_connection_and_field(config, connection, words):
    with pytest.raises(InvalidConfigurationError, match=words) as error:
        config(connection)
    assert "'e'" in str(error.value)


def test_the_test_button_answers_with_a_sentence(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_E", json.dumps({"conn_type": "etcd", "host": "127.0.0.1:1"}))
    assert EtcdHook("e").test_connection() == (
        False,
        "http://127.0.0.1:1: connection refused: nothing listens there. Is the member running?",
    )
    assert EtcdHook("none").test_connection()[0] is False
