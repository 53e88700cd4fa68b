import pytest

from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig, parse_endpoints
from airflow_provider_stash.exceptions import InvalidConfigurationError

PEM = b"-----BEGIN CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("a", ["http://a:2379"]),
        ("a:1,b:2", ["http://a:1", "http://b:2"]),
        ("https://a, http://b:5/", ["https://a:2379", "http://b:5"]),
        ("[::1]:7,https://[fe80::1]", ["http://[::1]:7", "https://[fe80::1]:2379"]),
        ("a,a:2379,,a", ["http://a:2379"]),
        ("HTTPS://a", ["https://a:2379"]),
    ],
)
def test_endpoints_are_read(text, urls):
    assert [one.url for one in parse_endpoints(text)] == urls


def test_the_default_scheme_is_for_entries_that_name_none():
    assert [one.scheme for one in parse_endpoints("a,http://b", default_scheme="https")] == ["https", "http"]


@pytest.mark.parametrize(
    "text", ["", " , ", "ftp://a", "a:0", "a:65536", "a:x", "a/path", "::1", "a b", "http://"]
)
def test_what_is_no_endpoint_is_refused(text):
    with pytest.raises(InvalidConfigurationError):
        parse_endpoints(text)


def test_user_information_is_refused_without_being_repeated():
    with pytest.raises(InvalidConfigurationError) as error:
        parse_endpoints("https://root:hunter2@a:2379")
    assert "hunter2" not in str(error.value)


ENDPOINTS = (Endpoint("https", "a", 1),)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"client_cert": PEM}, "key"),
        ({"client_key": PEM}, "certificate"),
        ({"password": "x"}, "no user"),
        ({"user": "x"}, "no password"),
        ({"timeout": 0}, "more than zero"),
        ({"endpoints": (Endpoint("http", "a", 1),), "ca_cert": PEM}, "plain http"),
        ({"endpoints": ()}, "No etcd endpoint"),
    ],
)
def test_what_does_not_fit_together_is_refused(given, word):
    with pytest.raises(InvalidConfigurationError, match=word):
        EtcdConfig(**{"endpoints": ENDPOINTS, **given})


def test_nothing_secret_is_in_its_repr():
    config = EtcdConfig(
        ENDPOINTS, user="u", password="hunter2", client_cert=PEM, client_key=b"-----BEGIN secretkey"
    )
    assert "hunter2" not in repr(config)
    assert "secretkey" not in repr(config)
