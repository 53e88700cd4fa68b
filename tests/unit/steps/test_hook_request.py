import logging
import socket

import pytest

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.steps.handler import Handler
from airflow_provider_stash.steps.hook_request import send, tls_context
from testbed.certificates import Authority
from testbed.webhook import Webhook


@pytest.fixture
def server():
    with Webhook() as server:
        yield server


def run(server, action="httpGet", tls=None, timeout=60.0, **fields):
    handler = Handler.from_stash({action: {"host": "h", "port": 1, **fields}})
    request = handler.http_post or handler.http_get
    body = request.body.text if request.body else None
    return send(action, request, "127.0.0.1", server.server_port, body, timeout=timeout, tls=tls)


def test_a_get(server):
    headers = [{"name": "X-Two", "value": "1"}, {"name": "X-Two", "value": "ü"}]
    assert run(server, path="/a/b?c=d&e=f%20g", httpHeaders=headers) == (
        200,
        f"http://127.0.0.1:{server.server_port}",
    )
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/a/b?c=d&e=f%20g", "")
    assert asked.headers.get_all("X-Two") == ["1", "ü".encode().decode("latin-1")]
    assert asked.headers["User-Agent"] == "airflow-provider-stash"
    assert asked.headers["Host"] == f"127.0.0.1:{server.server_port}"


def test_a_header_names_the_host_and_a_path_needs_no_slash(server):
    headers = [{"name": "host", "value": "etcd.example"}, {"name": "User-Agent", "value": "u"}]
    run(server, path="x", httpHeaders=headers)
    (asked,) = server.asked
    assert asked.path == "/x"
    assert asked.headers.get_all("Host") == ["etcd.example"]
    assert asked.headers.get_all("User-Agent") == ["u"]


@pytest.mark.parametrize(
    ("body", "kind"), [("a: b", "text/plain; charset=utf-8"), (' {"a": 1}\n', "application/json")]
)
def test_a_body_tells_its_type(server, body, kind):
    run(server, "httpPost", body=body)
    (asked,) = server.asked
    assert (asked.method, asked.body, asked.headers["Content-Type"]) == ("POST", body, kind)


def test_a_given_content_type_stays(server):
    run(server, "httpPost", body="{}", httpHeaders=[{"name": "content-type", "value": "text/x"}])
    assert server.asked[0].headers.get_all("Content-Type") == ["text/x"]


def test_a_form_is_written_as_go_does(server):
    form = [{"key": "b", "values": ["2 3", "ü&"]}, {"key": "a", "values": ["~-._"]}]
    run(server, "httpPost", form=form, body="not sent")
    (asked,) = server.asked
    assert asked.body == "a=~-._&b=2+3&b=%C3%BC%26"
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_post_of_nothing(server):
    run(server, "httpPost")
    (asked,) = server.asked
    assert (asked.method, asked.body, asked.headers["Content-Length"]) == ("POST", "", "0")


@pytest.mark.parametrize("status", [200, 204, 304, 399])
def test_up_to_399_is_a_success(server, status):
    assert run(server, path=f"/status/{status}")[0] == status


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_from_400_on_it_failed_and_the_servers_words_are_told(server, status):
    with pytest.raises(HookError) as caught:
        run(server, path=f"/status/{status}")
    words = f"httpGet: http://127.0.0.1:{server.server_port} answered {status}: payload"
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
)
def test_redirects_on_the_host_are_followed_as_go_does(server, status, method):
    assert run(server, "httpPost", path=f"/to/{status}/-/there", body="text")[0] == 200
    first, second = server.asked
    assert (first.method, first.path) == ("POST", f"/to/{status}/-/there")
    assert (second.method, second.path) == (method, "/there")
    assert second.body == ("text" if method == "POST" else "")


def test_a_redirect_to_another_host_is_left_and_counts_as_a_success(server):
    assert run(server, path="/to/302/-http:/@/other.invalid/x")[0] == 302
    assert len(server.asked) == 1


def test_redirects_have_an_end(server):
    with pytest.raises(HookError, match="it redirected 10 times"):
        run(server, path="/to/302/-" * 30 + "/x")
    assert len(server.asked) == 10


def test_the_path_is_a_secret(server, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    secret = "T0000-B0000-token"
    run(server, "httpPost", path=f"/services/{secret}", body="{}")
    with pytest.raises(HookError) as caught:
        run(server, path=f"/{secret}/status/500")
    assert [secret in asked.path for asked in server.asked] == [True, True]
    assert "answered 500" in str(caught.value)
    assert secret not in caplog.text + str(caught.value)


def test_a_server_that_repeats_the_path_does_not_tell_it(server):
    path = "/services/T0000-token?key=sesame/status/500"
    server.words = f"Cannot POST {path}, nor services/T0000-token".encode() + b"." * 400
    with pytest.raises(HookError) as caught:
        run(server, "httpPost", path=path, body="{}")
    words = "Cannot POST /***?***, nor ***"
    assert str(caught.value).endswith("answered 500: " + words + "." * (300 - len(words)))


def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        request = Handler.from_stash({"httpGet": {"host": "h", "port": 1}}).http_get
        with pytest.raises(HookError, match=rf"httpGet: no answer from http://127.0.0.1:{port}: .*refused"):
            send("httpGet", request, "127.0.0.1", port, None, timeout=60.0, tls=None)


def test_an_answer_that_does_not_come():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        request = Handler.from_stash({"httpGet": {"host": "h", "port": 1}}).http_get
        with pytest.raises(HookError, match="timed out"):
            send("httpGet", request, "127.0.0.1", silent.getsockname()[1], None, timeout=0.3, tls=None)


def test_certificates_are_verified(tmp_path):
    authority = Authority(tmp_path)
    with Webhook(authority.issue("server")) as server:
        with pytest.raises(HookError, match=r"no answer from https://127.0.0.1:\d+: .*certificate"):
            run(server, scheme="HTTPS")
        assert run(server, scheme="HTTPS", tls=tls_context(str(authority.cert), insecure=False))[0] == 200
        assert run(server, scheme="https", tls=tls_context(None, insecure=True))[0] == 200


def test_a_ca_certificate_that_can_not_be_read(tmp_path):
    assert tls_context(None, insecure=False) is None
    with pytest.raises(InvalidConfigurationError, match=r"The CA certificate .*nowhere can't be read"):
        tls_context(str(tmp_path / "nowhere"), insecure=False)
