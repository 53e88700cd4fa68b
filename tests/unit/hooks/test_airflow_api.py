import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

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


class Airflow(BaseHTTPRequestHandler):
    """An API server below a path, with one user."""

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/airflow/auth/token" and given == {"username": "u", "password": "p"}
        self.answer(201 if good else 401, {"access_token": "t"} if good else {"detail": given})

    def do_GET(self):
        if self.path != "/airflow/api/v2/version":
            return self.answer(404, {})
        good = self.headers["Authorization"] == "Bearer t"
        return self.answer(200 if good else 403, {"version": "3"})

    def answer(self, code, body):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with HTTPServer(("127.0.0.1", 0), Airflow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"host": f"http://127.0.0.1:{server.server_port}/airflow"}
        server.shutdown()


def test_it_logs_in_and_asks_below_airflows_path(ask, server):
    assert ask(**server, login="u", password="p") == {"version": "3"}
    assert ask(**server, extra={"token": "t"}) == {"version": "3"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"login": "u", "password": "hunter2"},
            "answered 401 to POST /auth/token. Look at the login and password",
        ),
        (
            {"extra": {"token": "hunter2"}},
            "answered 403 to GET /api/v2/version. The user of the connection may not",
        ),
    ],
)
def test_a_refusal_is_told_with_what_to_do_and_without_the_secret(ask, server, given, words):
    with pytest.raises(AirflowApiError, match=words) as error:
        ask(**server, **given)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("answer", [{"detail": "hunter2"}, ["hunter2"], {"access_token": None}])
def test_an_answer_without_a_token_is_told_without_what_it_says(ask, server, monkeypatch, answer):
    monkeypatch.setattr(Airflow, "do_POST", lambda self: self.answer(200, answer))
    with pytest.raises(AirflowApiError, match="gave no token for the login: is that the address") as error:
        ask(**server, login="u", password="p")
    assert "hunter2" not in str(error.value)


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
        (Connection("https://h/airflow", None, 2), "https://h:2/airflow"),
        (Connection("[::1]", None, 2), "http://[::1]:2"),
    ],
)
def test_addresses(connection, url):
    assert base_url(connection) == url
