import socket

import pytest

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.steps.handler import Handler
from airflow_provider_stash.steps.hook import check_handler, run_handler
from airflow_provider_stash.steps.summary import Status, summary
from testbed.webhook import Webhook

DATA = summary(
    {"namespace": "demo", "target": {"name": "etcd"}}, "run-1", Status("Failed", 5, 'path "x" <y> not found')
)


@pytest.fixture
def server():
    with Webhook() as server:
        yield server


def run(server, action="httpGet", **fields):
    fields = {"host": "127.0.0.1", "port": server.server_port, **fields}
    return run_handler(Handler.from_stash({action: fields}), DATA)


def test_what_was_done_is_told(server):
    done = run(server, path="/services/secret")
    address = f"http://127.0.0.1:{server.server_port}"
    assert done["actions"] == [{"action": "httpGet", "address": address, "status": 200}]
    assert done["duration"] >= 0


def test_a_body_is_rendered_and_stripped(server):
    run(server, "httpPost", body="\n{{ .Namespace }}/{{ .Target.Name }}: {{ .Status.Error | trunc 4 }}\n")
    assert server.asked[0].body == "demo/etcd: path"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("{{ toJson .Target }}", '{"name":"etcd"}'),
        ("{{ .Status }}", '{Failed 5s path "x" <y> not found}'),
        ('{{ printf "%+v" .Status }}', '{Phase:Failed Duration:5s Error:path "x" <y> not found}'),
        (
            "{{ toRawJson . }}",
            r'{"name":"run-1","namespace":"demo","invoker":{},"target":{"name":"etcd"},'
            r'"status":{"phase":"Failed","duration":"5s","error":"path \"x\" <y> not found"}}',
        ),
    ],
)
def test_the_whole_of_a_status_or_session_can_be_sent(server, body, sent):
    handler = {"httpPost": {"host": "127.0.0.1", "port": server.server_port, "body": body}}
    check_handler(Handler.from_stash(handler))
    run_handler(Handler.from_stash(handler), DATA)
    assert server.asked[0].body == sent


def test_a_body_without_an_action_stays_as_it_is(server):
    run(server, "httpPost", body=' {"a": 1}\n')
    assert server.asked[0].body == ' {"a": 1}\n'


def test_what_is_no_body_and_no_command_is_no_template(server):
    run(server, path="/x?y={{.Name}}")
    assert server.asked[0].path == "/x?y={{.Name}}"


def test_something_listens(server):
    done = run(server, "tcpSocket")
    assert done["actions"] == [{"action": "tcpSocket", "address": f"127.0.0.1:{server.server_port}"}]


def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        handler = Handler.from_stash({"tcpSocket": {"host": "127.0.0.1", "port": port}})
        with pytest.raises(HookError, match=rf"tcpSocket: 127.0.0.1:{port} takes no connection: .*refused"):
            run_handler(handler, DATA)


def test_a_host_that_is_no_name():
    handler = Handler.from_stash({"tcpSocket": {"host": "a..b", "port": 1}})
    with pytest.raises(HookError, match=r"tcpSocket: a\.\.b:1 takes no connection"):
        run_handler(handler, DATA)


def test_all_that_is_asked_for_is_done(server):
    place = {"host": "127.0.0.1", "port": server.server_port}
    handler = Handler.from_stash({"httpGet": place, "tcpSocket": place, "containerName": "etcd"})
    done = run_handler(handler, DATA)
    assert [action["action"] for action in done["actions"]] == ["httpGet", "tcpSocket"]
    assert len(server.asked) == 1


class Pod:
    """Stands for the target's pod."""

    def __init__(self, port):
        self._port, self.ran = port, []

    def __str__(self):
        return "demo/etcd-0"

    def address(self):
        return "127.0.0.1"

    def port(self, name, container):
        return {("web", "etcd"): self._port}[name, container]

    def run(self, command, container):
        self.ran.append((command, container))
        return container


def test_with_a_pod_commands_run_and_hosts_and_ports_are_its_own(server):
    pod = Pod(server.server_port)
    handler = Handler.from_stash(
        {
            "exec": {"command": ["notify", " {{ .Status.Phase }} ", " as it is "]},
            "httpGet": {"port": "web"},
            "tcpSocket": {"port": "web"},
            "containerName": "etcd",
        }
    )
    check_handler(handler, has_pod=True)
    done = run_handler(handler, DATA, pod=pod)
    assert [action["action"] for action in done["actions"]] == ["exec", "httpGet", "tcpSocket"]
    assert done["actions"][0] == {"action": "exec", "pod": "demo/etcd-0", "container": "etcd"}
    assert pod.ran == [(["notify", "Failed", " as it is "], "etcd")]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (
            {"exec": {"command": ["x"]}},
            "preBackup.exec: a command runs in the target's pod, and none is known here: give the hook's operator a target_pod.",
        ),
        ({"httpGet": {"port": 80}}, "preBackup.httpGet.host: Stash takes the IP of the target's pod"),
        ({"tcpSocket": {"port": 80}}, "preBackup.tcpSocket.host: "),
        ({"httpPost": {"host": "h", "port": "web"}}, "preBackup.httpPost.port: 'web' names a port"),
        (
            {"httpGet": {"host": "h", "port": "web"}},
            "give the hook's operator a target_pod, or a host and a number",
        ),
        (
            {"httpPost": {"host": "h", "port": 1, "body": "{{ .Target.ApiVersion }}"}},
            "preBackup.httpPost.body: line 1, column 4: there is no field .ApiVersion here; there are .APIVersion",
        ),
        (
            {
                "httpPost": {
                    "host": "h",
                    "port": 1,
                    "body": '{{ if eq .Status.Phase "Failed" }}{{ .Status.Reason }}{{ end }}',
                }
            },
            "there is no field .Reason here",
        ),
        (
            {
                "httpPost": {
                    "host": "h",
                    "port": 1,
                    "body": "{{ if .Status.Error }}{{ .Status.Reason }}{{ end }}",
                }
            },
            "there is no field .Reason here",
        ),
        (
            {"httpPost": {"host": "h", "port": 1, "body": "{{ .Invoker }}"}},
            "preBackup.httpPost.body: line 1, column 4: Go would print the address of .APIGroup here: print the "
            "fields one by one (APIGroup, Kind, Name), or all of them by toJson.",
        ),
        (
            {"httpPost": {"host": "h", "port": 1, "body": "{{ upper .Status }}"}},
            "preBackup.httpPost.body: line 1, column 4: upper: argument 1 must be of type string, not struct",
        ),
    ],
)
def test_what_can_not_be_done_is_told_before_it_is_tried(handler, words):
    with pytest.raises(InvalidConfigurationError) as caught:
        check_handler(Handler.from_stash(handler, "preBackup"), "preBackup")
    assert words in str(caught.value)


def test_a_template_that_only_some_data_breaks_is_told_then(server):
    body = '{{ index (splitList ":" .Status.Error) 1 }}'
    check_handler(Handler.from_stash({"httpPost": {"host": "h", "port": 1, "body": body}}))
    with pytest.raises(
        InvalidConfigurationError, match=r"httpPost.body: line 1, column 4: index: index 1 is out of range"
    ):
        run(server, "httpPost", body=body)
