"""Runs a hook's handler, as Stash's prober does."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode, urlsplit

from airflow_provider_stash.exceptions import GoTemplateError, HookError, InvalidConfigurationError
from airflow_provider_stash.gotemplate import UnknownFieldError
from airflow_provider_stash.steps.handler import Handler, HttpRequest
from airflow_provider_stash.steps.results import now, seconds_since
from airflow_provider_stash.steps.summary import Status, summary

if TYPE_CHECKING:
    import ssl

    import httpx

    from airflow_provider_stash.gotemplate import Struct, Template

log = logging.getLogger(__name__)

TIMEOUT = 300.0
"""Seconds for one request or connection, as in Stash."""

_REQUESTS = 10  # the first one and its redirects
_MOST_READ = 10 * 1024
_WORDS = 300


class Pod(Protocol):
    """The pod that a hook is about; where there is none, a handler must name host and port, and has no command."""

    def address(self) -> str:
        """Give its IP address."""

    def port(self, name: str, container: str | None) -> int:
        """Look up a container's port by its name."""

    def run(self, command: Sequence[str], container: str | None) -> None:
        """Run a command in a container; raises ``HookError`` when it fails."""


def check_handler(handler: Handler, pod: Pod | None, where: str = "handler") -> None:
    """
    Refuse what needs a pod where there is none, and templates that ask for fields that no session has.

    :param where: the handler's place, for errors.
    :raises InvalidConfigurationError: the field, and what to give.
    """
    for name, template in handler.templates():
        for phase in ("Succeeded", "Failed"):
            try:
                template.render(summary({}, "", Status(phase)))
            except UnknownFieldError as error:
                raise InvalidConfigurationError(f"{where}.{name}: {error}") from error
            except GoTemplateError:
                pass  # real data may do
    if pod is not None:
        return
    if handler.command:
        raise InvalidConfigurationError(
            f"{where}.exec: a command runs in the target's pod, and there is none here. Run it by an operator of "
            "your own in place of this hook (pre_backup, post_backup)."
        )
    for name, action in (
        ("httpGet", handler.http_get), ("httpPost", handler.http_post), ("tcpSocket", handler.tcp_socket)
    ):  # fmt: skip
        if action is None:
            continue
        if action.host is None:
            raise InvalidConfigurationError(
                f"{where}.{name}.host: Stash takes the IP of the target's pod, and there is none here: give a host."
            )
        if isinstance(action.port, str):
            raise InvalidConfigurationError(
                f"{where}.{name}.port: {action.port!r} names a port of the target's pod, and there is none here: "
                "give a number."
            )


def tls_context(ca_certificate: str | None, *, insecure: bool) -> ssl.SSLContext | None:
    """
    Make the TLS settings of requests; None: certificates are verified by the CAs that httpx trusts.

    :param ca_certificate: path of the servers' CA certificate (PEM).
    :param insecure: take any certificate.
    :raises InvalidConfigurationError: the CA certificate can't be read.
    """
    if not insecure and ca_certificate is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca_certificate)
    except (OSError, ssl.SSLError) as error:
        raise InvalidConfigurationError(
            f"The CA certificate {ca_certificate} can't be read: {error}."
        ) from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def run_handler(
    handler: Handler,
    data: Struct,
    *,
    pod: Pod | None = None,
    timeout: float = TIMEOUT,
    tls: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """
    Do what a handler asks for: ``exec``, ``httpGet``, ``httpPost``, ``tcpSocket``, one after another.

    An HTTP answer of 200 to 399 is a success. Redirects are followed while they stay on the host.

    :param data: what its templates see, see ``summary``.
    :param pod: the pod it is about; None: there is none.
    :param timeout: seconds for one request or connection.
    :param tls: None: certificates are verified by the CAs that httpx trusts.
    :return: ``actions`` (each with ``action``, ``address``, and of HTTP ``status``), ``duration`` (seconds).
    :raises HookError: it failed.
    :raises InvalidConfigurationError: it needs a pod, or a template can't be rendered.
    """
    check_handler(handler, pod)
    begin = now()
    container = handler.container_name
    actions: list[dict[str, Any]] = []
    if handler.command:
        assert pod is not None
        pod.run(
            [_render(word, data, f"exec.command[{at}]") for at, word in enumerate(handler.command)], container
        )
        actions.append({"action": "exec"})
    for name, request in (("httpGet", handler.http_get), ("httpPost", handler.http_post)):
        if request is not None:
            sent = _Sent(name, request, _place(request.host, request.port, pod, container), timeout)
            actions.append(sent.send(data, tls))
    if handler.tcp_socket is not None:
        host, port = _place(handler.tcp_socket.host, handler.tcp_socket.port, pod, container)
        actions.append(_connect(host, port, timeout))
    return {"actions": actions, "duration": seconds_since(begin)}


def _place(host: str | None, port: int | str, pod: Pod | None, container: str | None) -> tuple[str, int]:
    if host is None:
        assert pod is not None
        host = pod.address()
    if isinstance(port, str):
        assert pod is not None
        port = pod.port(port, container)
    return host, port


def _render(template: Template, data: Struct, where: str) -> str:
    """Render as Stash does: what has no action stays as it is, what has one loses white space at its ends."""
    if "{{" not in template.text:
        return template.text
    try:
        return template.render(data).strip()
    except GoTemplateError as error:
        raise InvalidConfigurationError(f"{where}: {error}") from error


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _connect(host: str, port: int, timeout: float) -> dict[str, Any]:
    address = _joined(host, port)
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        raise HookError(f"tcpSocket: {address} takes no connection: {error}.") from error
    return {"action": "tcpSocket", "address": address}


@dataclass(frozen=True)
class _Sent:
    """One HTTP request of a handler. Its path may be a secret, as Slack's is: only the address is told."""

    name: str
    request: HttpRequest
    place: tuple[str, int]
    timeout: float

    @property
    def address(self) -> str:
        return f"{self.request.scheme}://{_joined(*self.place)}"

    def send(self, data: Struct, tls: ssl.SSLContext | None) -> dict[str, Any]:
        import httpx

        for name in ("httpx", "httpcore"):  # they log whole URLs
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            with httpx.Client(verify=tls or True, timeout=self.timeout) as client:
                status, answer = self._follow(client, self._build(client, data))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = str(error) or type(error).__name__
            raise HookError(f"{self.name}: no answer from {self.address}: {reason}.") from error
        if not 200 <= status < 400:
            raise HookError(f"{self.name}: {self.address} answered {status}: {answer[:_WORDS].strip()}")
        log.info("%s: %s answered %d", self.name, self.address, status)
        return {"action": self.name, "address": self.address, "status": status}

    def _build(self, client: httpx.Client, data: Struct) -> httpx.Request:
        import httpx

        request = self.request
        headers = [(name.encode(), value.encode()) for name, value in request.headers]
        given = {name.lower() for name, _ in headers}
        if b"user-agent" not in given:
            headers.append((b"User-Agent", b"airflow-provider-stash"))
        content = None
        if request.form:
            by_key = sorted(request.form, key=lambda pair: pair[0].encode())
            content = urlencode(by_key).encode()
            kind = b"application/x-www-form-urlencoded"
        elif request.body is not None:
            written = _render(request.body, data, f"{self.name}.body")
            content, kind = written.encode(), _content_type(written)
        if content is not None and b"content-type" not in given:
            headers.append((b"Content-Type", kind))
        path = urlsplit(request.path)  # as in Stash, a scheme and a host in it mean nothing
        url = httpx.URL(
            scheme=request.scheme,
            host=self.place[0],
            port=self.place[1],
            path=path.path if path.path.startswith("/") else f"/{path.path}",
            query=path.query.encode() if path.query else None,
        )
        return client.build_request(request.method, url, headers=headers, content=content)

    def _follow(self, client: httpx.Client, request: httpx.Request) -> tuple[int, str]:
        """Follow redirects while they stay on the host; another host's is left, and counts as a success."""
        deadline = time.monotonic() + self.timeout
        host = request.url.host
        for _ in range(_REQUESTS):
            response = client.send(request, stream=True)
            try:
                following = response.next_request
                if following is None or following.url.host != host:
                    return response.status_code, _read(response, deadline)
            finally:
                response.close()
            request = following
        raise HookError(f"{self.name}: {self.address} redirected {_REQUESTS} times.")


def _read(response: httpx.Response, deadline: float) -> str:
    read = b""
    for part in response.iter_bytes():
        read += part
        if len(read) >= _MOST_READ or time.monotonic() > deadline:
            break
    return read[:_MOST_READ].decode(errors="replace")


def _content_type(body: str) -> bytes:
    import json

    try:
        json.loads(body)
    except ValueError:
        return b"text/plain; charset=utf-8"
    return b"application/json"
