import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.steps.handler import Handler

HTTP = {"host": "h", "port": 80}


def test_every_field_is_read():
    handler = Handler.from_stash(
        {
            "exec": {"command": ["sh", "-c", "echo {{ .Name }}"]},
            "httpGet": {**HTTP, "path": "/a?b=c", "scheme": "HTTPS"},
            "httpPost": {
                "port": "web",
                "httpHeaders": [{"name": "X", "value": "1"}, {"name": "X", "value": ""}],
                "body": "b",
                "form": [{"key": "k", "values": ["1", "2"]}, {"key": "e"}],
            },
            "tcpSocket": {"host": "h", "port": "8080"},
            "containerName": "c",
            "executionPolicy": "OnFailure",
        }
    )
    assert [word.text for word in handler.command] == ["sh", "-c", "echo {{ .Name }}"]
    assert (handler.http_get.method, handler.http_get.scheme, handler.http_get.path) == (
        "GET",
        "https",
        "/a?b=c",
    )
    post = handler.http_post
    assert (post.method, post.scheme, post.host, post.port) == ("POST", "http", None, "web")
    assert post.headers == (("X", "1"), ("X", ""))
    assert (post.body.text, post.form) == ("b", (("k", "1"), ("k", "2")))
    assert handler.tcp_socket.port == 8080
    assert handler.execution_policy == "OnFailure"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        ({}, "postBackup: it does nothing: give one of exec, httpGet"),
        ({"httpPots": HTTP}, "postBackup.httpPots: unknown field; did you mean httpPost?"),
        ({"httpGet": {**HTTP, "body": "x"}}, "postBackup.httpGet.body: unknown field; there are host, port"),
        ({"httpGet": {"host": "h"}}, "postBackup.httpGet.port: is missing"),
        ({"httpGet": {"host": "h", "port": 0}}, "postBackup.httpGet.port: 0 is no port"),
        ({"httpGet": {"host": "h", "port": "99999"}}, "postBackup.httpGet.port: 99999 is no port"),
        ({"httpGet": {"host": "h", "port": True}}, "postBackup.httpGet.port: True is no port"),
        (
            {"httpGet": {**HTTP, "scheme": "ftp"}},
            "postBackup.httpGet.scheme: give HTTP or HTTPS",
        ),
        ({"httpGet": {**HTTP, "host": 1}}, "postBackup.httpGet.host: must be a string"),
        ({"httpGet": "http://h"}, "postBackup.httpGet: give fields and values"),
        ({"httpGet": {**HTTP, "httpHeaders": {"X": "1"}}}, "postBackup.httpGet.httpHeaders: give a list"),
        (
            {"httpGet": {**HTTP, "httpHeaders": [{"name": "X", "value": 1}]}},
            "httpHeaders[0].value: must be a string",
        ),
        (
            {"httpGet": {**HTTP, "httpHeaders": [{"nam": "X"}]}},
            "httpHeaders[0].nam: unknown field; did you mean name?",
        ),
        (
            {"httpPost": {**HTTP, "form": [{"key": "k", "values": "v"}]}},
            "httpPost.form[0].values: give a list",
        ),
        ({"httpPost": {**HTTP, "form": {"k": ["v"]}}}, "httpPost.form: give a list"),
        ({"httpPost": {**HTTP, "body": {"text": "x"}}}, "httpPost.body: must be a string"),
        ({"httpPost": {**HTTP, "body": "a\n{{ nope }}"}}, "httpPost.body: line 2, column 4: function nope"),
        ({"exec": {"command": "ls"}}, "postBackup.exec.command: give a list, not str"),
        ({"exec": {"command": []}}, "postBackup.exec.command: give a list of words"),
        ({"exec": {"command": ["a", "{{"]}}, "postBackup.exec.command[1]: line 1, column 1"),
        (
            {"httpGet": {**HTTP, "httpHeaders": [{"name": "X Y", "value": "1"}]}},
            "httpHeaders[0].name: is no name of a header",
        ),
        (
            {"httpGet": {**HTTP, "httpHeaders": [{"name": "X", "value": "1\n"}]}},
            "httpHeaders[0].value: holds a line break",
        ),
        ({"tcpSocket": {"port": 1, "path": "/"}}, "postBackup.tcpSocket.path: unknown field"),
    ],
)
def test_a_mistake_is_told_with_its_place(handler, words):
    with pytest.raises(InvalidConfigurationError) as caught:
        Handler.from_stash(handler, "postBackup")
    assert words in str(caught.value)


def test_blanks_around_a_header_are_dropped_as_go_does():
    handler = Handler.from_stash({"httpGet": {**HTTP, "httpHeaders": [{"name": "X", "value": " a b\t"}]}})
    assert handler.http_get.headers == (("X", "a b"),)


def test_what_is_a_secret_is_not_repeated():
    header = {"name": "Authorization", "value": "Bearer secret\n"}
    for handler in (
        {"httpGet": "https://h/services/secret"},
        {"httpGet": {**HTTP, "path": ["/secret"]}},
        {"httpGet": {**HTTP, "httpHeaders": [header]}},
    ):
        with pytest.raises(InvalidConfigurationError) as caught:
            Handler.from_stash(handler)
        assert "secret" not in str(caught.value)
