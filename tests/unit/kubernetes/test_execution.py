import json

import pytest
from kubernetes.client import ApiClient, ApiException, Configuration
from websocket import WebSocketBadStatusException, WebSocketConnectionClosedException

from airflow_provider_stash.exceptions import KubernetesError, KubernetesPermissionError
from airflow_provider_stash.kubernetes import execution
from airflow_provider_stash.kubernetes.api import NotFoundError
from airflow_provider_stash.kubernetes.execution import Output, execute, read_status

PLACE = {"namespace": "demo", "pod": "etcd-0", "container": "etcd", "command": ["program", "s3cret"]}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ({"status": "Success"}, 0, ""),
        (
            {
                "status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with ...",
                "details": {"causes": [{"reason": "ExitCode", "message": "4"}]},
            },
            4,
            "",
        ),
        (
            {
                "status": "Failure", "reason": "InternalError", "code": 500,
                "message": 'exec: "program": executable file not found in $PATH',
                "details": {"causes": [{"message": "error executing command in container"}]},
            },
            None,
            "executable file not found",
        ),
        ({"status": "Failure"}, None, "can't be read"),
    ],
)  # fmt: skip
def test_a_commands_end(status, code, words):
    told, reason = read_status(json.dumps(status).encode())
    assert told == code
    assert words in reason
    assert read_status(b"half a wo") == (None, "Kubernetes' word on its end can't be read")


def written(*blocks):
    said = []
    output = Output(said.append)
    for block in blocks:
        output.add(block)
    output.end()
    return said, output.last_words


def test_output_goes_on_line_by_line():
    said, last = written(b"one\ntw", b"o\r\n\nth\xc3", b"\xb6ree")
    assert said == ["one", "two", "", "thöree"]
    assert last == "one / two / thöree"


def test_output_is_bounded():
    for blocks in ((b"x" * 5000, b"\n"), (b"x" * 5000 + b"\n",)):
        assert [len(line) for line in written(*blocks)[0]] == [2000, 2000, 1000]
    said, last = written(b"x" * 5000, b"\n", b"line\n" * 2000, b"end\n")
    assert len(said) == 1001
    assert said[-1] == "... and 1004 lines more, which are not shown."
    assert last == "line / line / line / line / end"
    assert len(written(b"y" * 5000)[1]) == len("...") + 500


class Session:
    """Stands for the client's session: what comes of it, one after another."""

    def __init__(self, *events):
        self.events, self.open, self.got, self.status, self.pings = list(events), True, b"", b"", 0
        self.sock = self

    def ping(self):
        self.pings += 1

    def is_open(self):
        return self.open

    def update(self, timeout):
        if not self.open:
            return
        event = self.events.pop(0)
        if isinstance(event, Exception):
            raise event
        if event is None:
            self.open = False
        elif isinstance(event, dict):
            self.status += json.dumps(event).encode()
        else:
            self.got += event

    def read_channel(self, channel):
        assert channel == 3
        if not self.status:
            self.update(0)
        told, self.status = self.status, b""
        return told

    def read_all(self):
        got, self.got = self.got, b""
        return got

    def shutdown(self):
        self.open = False


def run(monkeypatch, session):
    monkeypatch.setattr("kubernetes.stream.stream", lambda *_, **__: session)
    said = []
    return execute(None, **PLACE, say=said.append), said


def test_output_and_end_are_taken_as_they_come(monkeypatch):
    failed = {"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
    ended, said = run(monkeypatch, Session(b"one\n", failed, b"late\n", b"", None))
    assert (ended.code, ended.last_words) == (3, "one / late")
    assert said == ["one", "late"]


@pytest.mark.parametrize("events", [(b"one\n",), (b"one\n", b"", b"", b"")])
def test_a_connection_that_is_lost(monkeypatch, events):
    session = Session(*events, WebSocketConnectionClosedException("gone away"))
    ended, said = run(monkeypatch, session)
    assert ended.code is None
    assert ended.reason == "the connection was lost (gone away); it may go on"
    assert said == ["one"]
    assert not session.open


def test_an_end_that_was_told_before_the_connection_was_lost_counts(monkeypatch):
    ended, _ = run(monkeypatch, Session({"status": "Success"}, ConnectionResetError("reset")))
    assert ended.code == 0


def test_a_long_silence_is_kept_alive(monkeypatch):
    monkeypatch.setattr(execution, "_PING_SECONDS", -1.0)
    session = Session(b"", b"", b"", b"", {"status": "Success"}, None)
    ended, _ = run(monkeypatch, session)
    assert ended.code == 0
    assert session.pings > 1


def refused(status, message, wrapped):
    """Raise what the client raises when the handshake is refused."""
    body = json.dumps({"kind": "Status", "message": message}).encode()

    def stream(*_, **__):
        try:
            try:
                raise WebSocketBadStatusException("Handshake status ...", status, "Words", {}, body)
            except WebSocketBadStatusException as error:
                raise ApiException(status=0, reason=str(error))  # noqa: B904 - as the client does it
        except ApiException as error:
            if wrapped:  # client 36 trips over its own error
                error.body.decode()
            raise

    return stream


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (403, KubernetesPermissionError, 'pods "etcd-0" is forbidden: User "u" cannot create resource "pods/exec"'),
        (404, NotFoundError, 'pods "etcd-0" not found'),
        (500, KubernetesError, 'container not found ("etcd")'),
    ],
)  # fmt: skip
def test_a_request_that_is_refused_says_why_and_not_the_command(monkeypatch, status, kind, message, wrapped):
    monkeypatch.setattr("kubernetes.stream.stream", refused(status, message, wrapped))
    with pytest.raises(kind) as caught:
        execute(None, **PLACE)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_api_that_can_not_be_reached():
    client = ApiClient(Configuration(host="http://127.0.0.1:9"))
    with pytest.raises(KubernetesError, match="The Kubernetes API can't be reached: .*refused"):
        execute(client, **PLACE)
