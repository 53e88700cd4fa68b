import http.server
import logging
import socket
import ssl
import threading

import pytest

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.steps.handler import Handler
from airflow_provider_stash.steps.hook import check_handler, run_handler, tls_context
from airflow_provider_stash.steps.summary import Status, summary
from testbed.certificates import Authority

DATA = summary(
    {"namespace": "demo", "target": {"name": "etcd"}}, "run-1", Status("Failed", 5, 'path "x" <y> not found')
)


class Server(http.server.ThreadingHTTPServer):
    """Remembers what it was asked, and answers by the path: ``/status/500``, ``/to/307/-/status/200``."""

    daemon_threads = True

    def __init__(self, pair=None):
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = []
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.cert, pair.key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that takes no part in our certificate is no error here."""


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append((self.command, self.path, self.headers, body))
        status, location = 200, None
        if self.path.startswith("/to/"):
            status, location = self.path[4:].split("/-", 1)
        elif self.path.startswith("/status/"):
            status = self.path.rpartition("/")[2]
        self.send_response(int(status))
        if location:
            self.send_header("Location", location.replace("/@/", "//", 1))
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"payload")

    def do_POST(self):
        self.do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        yield server
        server.shutdown()


def run(server, action="httpGet", **fields):
    tls = fields.pop("tls", None)
    fields = {"host": "127.0.0.1", "port": server.server_port, **fields}
    return run_handler(Handler.from_stash({action: fields}), DATA, tls=tls)


def test_a_get(server):
    done = run(
        server,
        path="/a/b?c=d&e=f%20g",
        httpHeaders=[{"name": "X-Two", "value": "1"}, {"name": "X-Two", "value": "ü"}],
    )
    method, path, headers, body = server.asked[0]
    assert (method, path, body) == ("GET", "/a/b?c=d&e=f%20g", "")
    assert headers.get_all("X-Two") == ["1", "ü".encode().decode("latin-1")]
    assert headers["User-Agent"] == "airflow-provider-stash"
    assert headers["Host"] == f"127.0.0.1:{server.server_port}"
    assert done["actions"] == [
        {"action": "httpGet", "address": f"http://127.0.0.1:{server.server_port}", "status": 200}
    ]


def test_a_header_names_the_host_and_a_path_needs_no_slash(server):
    run(
        server,
        path="x",
        httpHeaders=[{"name": "host", "value": "etcd.example"}, {"name": "User-Agent", "value": "u"}],
    )
    _, path, headers, _ = server.asked[0]
    assert (path, headers.get_all("Host"), headers.get_all("User-Agent")) == ("/x", ["etcd.example"], ["u"])


def test_a_body_is_rendered_and_stripped(server):
    run(server, "httpPost", body="\n{{ .Namespace }}/{{ .Target.Name }}: {{ .Status.Error | trunc 4 }}\n")
    method, _, headers, body = server.asked[0]
    assert (method, body) == ("POST", "demo/etcd: path")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_body_without_an_action_stays_as_it_is(server):
    run(server, "httpPost", body=' {"a": 1}\n')
    assert (server.asked[0][3], server.asked[0][2]["Content-Type"]) == (' {"a": 1}\n', "application/json")


def test_a_given_content_type_stays(server):
    run(server, "httpPost", body="{}", httpHeaders=[{"name": "content-type", "value": "text/x"}])
    assert server.asked[0][2].get_all("Content-Type") == ["text/x"]


def test_a_form_is_written_as_go_does(server):
    form = [{"key": "b", "values": ["2 3", "ü&"]}, {"key": "a", "values": ["~-._"]}]
    run(server, "httpPost", form=form, body="not sent")
    _, _, headers, body = server.asked[0]
    assert body == "a=~-._&b=2+3&b=%C3%BC%26"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_post_of_nothing(server):
    run(server, "httpPost")
    assert (server.asked[0][0], server.asked[0][3], server.asked[0][2]["Content-Length"]) == ("POST", "", "0")


@pytest.mark.parametrize("status", [200, 204, 304, 399])
def test_up_to_399_is_a_success(server, status):
    assert run(server, path=f"/status/{status}")["actions"][0]["status"] == status


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_from_400_on_it_failed_and_the_servers_words_are_told(server, status):
    with pytest.raises(HookError) as caught:
        run(server, path=f"/status/{status}")
    assert f"http://127.0.0.1:{server.server_port} answered {status}: payload" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
def test_redirects_on_the_host_are_followed_as_go_does(server, status, method):
    done = run(server, "httpPost", path=f"/to/{status}/-/there", body="text")
    assert done["actions"][0]["status"] == 200
    assert [one[:2] for one in server.asked] == [("POST", f"/to/{status}/-/there"), (method, "/there")]
    assert server.asked[1][3] == ("text" if method == "POST" else "")


def test_a_redirect_to_another_host_is_left_and_counts_as_a_success(server):
    done = run(server, path="/to/302/-http:/@/other.invalid/x")
    assert done["actions"][0]["status"] == 302
    assert len(server.asked) == 1


def test_redirects_have_an_end(server):
    with pytest.raises(HookError, match="redirected 10 times"):
        run(server, path="/to/302/-" * 30 + "/x")
    assert len(server.asked) == 10


def test_the_path_is_a_secret(server, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    secret = "T0000-B0000-token"
    run(server, "httpPost", path=f"/services/{secret}", body="{}")
    with pytest.raises(HookError) as caught:
        run(server, path=f"/status/{secret}/500")
    told = caplog.text + str(caught.value)
    assert "answered 200" in told
    assert "answered 500" in told
    assert secret not in told


def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for action in ("httpGet", "tcpSocket"):
            handler = Handler.from_stash({action: {"host": "127.0.0.1", "port": port}})
            with pytest.raises(HookError, match=rf"{action}: .*127.0.0.1:{port}.*refused"):
                run_handler(handler, DATA)


def test_an_answer_that_does_not_come():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        handler = Handler.from_stash({"httpGet": {"host": "127.0.0.1", "port": silent.getsockname()[1]}})
        with pytest.raises(HookError, match="timed out"):
            run_handler(handler, DATA, timeout=0.3)


def test_something_listens(server):
    done = run(server, "tcpSocket")
    assert done["actions"] == [{"action": "tcpSocket", "address": f"127.0.0.1:{server.server_port}"}]


def test_certificates_are_verified(tmp_path):
    authority = Authority(tmp_path)
    with Server(authority.issue("server")) as server:
        with pytest.raises(HookError, match=r"no answer from https://127.0.0.1:\d+: .*certificate"):
            run(server, scheme="HTTPS")
        assert run(server, scheme="HTTPS", tls=tls_context(str(authority.cert), insecure=False))["actions"]
        assert run(server, scheme="https", tls=tls_context(None, insecure=True))["actions"]
        server.shutdown()


def test_a_ca_certificate_that_can_not_be_read(tmp_path):
    assert tls_context(None, insecure=False) is None
    with pytest.raises(InvalidConfigurationError, match="The CA certificate .*nowhere can't be read"):
        tls_context(str(tmp_path / "nowhere"), insecure=False)


class Pod:
    def __init__(self, port):
        self._port, self.ran = port, []

    def address(self):
        return "127.0.0.1"

    def port(self, name, container):
        return {("web", "etcd"): self._port}[name, container]

    def run(self, command, container):
        self.ran.append((list(command), container))


def test_with_a_pod_commands_run_and_hosts_and_ports_are_its_own(server):
    pod = Pod(server.server_port)
    handler = Handler.from_stash(
        {
            "exec": {"command": ["notify", " {{ .Status.Phase }} "]},
            "httpGet": {"port": "web"},
            "tcpSocket": {"port": "web"},
            "containerName": "etcd",
        }
    )
    check_handler(handler, pod)
    done = run_handler(handler, DATA, pod=pod)
    assert [action["action"] for action in done["actions"]] == ["exec", "httpGet", "tcpSocket"]
    assert pod.ran == [(["notify", "Failed"], "etcd")]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (
            {"exec": {"command": ["x"]}},
            "preBackup.exec: a command runs in the target's pod, and there is none here",
        ),
        ({"httpGet": {"port": 80}}, "preBackup.httpGet.host: Stash takes the IP of the target's pod"),
        ({"tcpSocket": {"port": 80}}, "preBackup.tcpSocket.host: "),
        ({"httpPost": {"host": "h", "port": "web"}}, "preBackup.httpPost.port: 'web' names a port"),
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
    ],
)
def test_what_can_not_be_done_is_told_before_it_is_tried(handler, words):
    with pytest.raises(InvalidConfigurationError) as caught:
        check_handler(Handler.from_stash(handler, "preBackup"), None, "preBackup")
    assert words in str(caught.value)


def test_a_template_that_only_some_data_breaks_is_told_then(server):
    body = '{{ index (splitList ":" .Status.Error) 1 }}'
    check_handler(Handler.from_stash({"httpPost": {"host": "h", "port": 1, "body": body}}), None)
    with pytest.raises(
        InvalidConfigurationError, match=r"httpPost.body: line 1, column 4: index: index 1 is out of range"
    ):
        run(server, "httpPost", body=body)
