import json

import pytest

from airflow_provider_stash.exceptions import AirflowApiError, InvalidConfigurationError
from airflow_provider_stash.hooks.airflow_api import AirflowApiHook
from airflow_provider_stash.hooks.http import base_url


@pytest.fixture
def ask(monkeypatch):
    def ask(**connection):
        monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps({"conn_type": "http", **connection}))
        return AirflowApiHook().get("/api/v2/version")

    return ask


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({}, "'airflow_api' has no host"),
        ({"host": "h"}, "no login and password, and no token"),
        ({"host": "h", "login": "u"}, "no login and password, and no token"),
    ],
)
def test_what_is_missing_is_told(ask, connection, words):
    with pytest.raises(InvalidConfigurationError, match=words):
        ask(**connection)


def test_a_server_that_is_not_there(ask):
    with pytest.raises(AirflowApiError, match="at http://127.0.0.1:1.*did not answer GET /api/v2/version"):
        ask(host="127.0.0.1", port=1, extra={"token": "t"})


class Connection:
    def __init__(self, host, schema=None, port=None):
        self.host, self.schema, self.port = host, schema, port


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (Connection("h"), "http://h"),
        (Connection("h", "https", 8443), "https://h:8443"),
        (Connection("https://h:1/airflow/"), "https://h:1/airflow"),
        (Connection("https://h:1", None, 2), "https://h:1"),
    ],
)
def test_addresses(connection, url):
    assert base_url(connection) == url
