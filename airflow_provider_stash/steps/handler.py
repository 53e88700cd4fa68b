"""Stash's hook handler, as its manifests write it: HTTP requests, a TCP connection, a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import GoTemplateError
from airflow_provider_stash.steps.fields import Fields

if TYPE_CHECKING:
    from airflow_provider_stash.gotemplate import Template

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class HttpRequest:
    """
    What ``httpGet`` and ``httpPost`` ask for.

    :param method: ``GET`` or ``POST``.
    :param scheme: ``http`` or ``https``.
    :param host: None: the pod.
    :param port: a number, or the name of a port of the pod's container.
    :param path: with a query, perhaps.
    :param headers: by turns a name and its value; a name may come again.
    :param body: rendered for each run.
    :param form: sent in place of a body.
    """

    method: str
    scheme: str
    host: str | None
    port: int | str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Template | None = None
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TcpSocket:
    """
    What ``tcpSocket`` asks for: that something listens.

    :param host: None: the pod.
    :param port: a number, or the name of a port of the pod's container.
    """

    host: str | None
    port: int | str


@dataclass(frozen=True)
class Handler:
    """
    A hook's handler; what is given of it is done in this order, as Stash does it.

    :param command: of ``exec``; its words are rendered for each run.
    :param http_get: see ``HttpRequest``.
    :param http_post: see ``HttpRequest``.
    :param tcp_socket: see ``TcpSocket``.
    :param container_name: which of the pod's containers runs the command and has the named ports; None: its default.
    :param execution_policy: when a hook after the session runs; None: ``Always``.
    """

    command: tuple[Template, ...] = ()
    http_get: HttpRequest | None = None
    http_post: HttpRequest | None = None
    tcp_socket: TcpSocket | None = None
    container_name: str | None = None
    execution_policy: str | None = None

    @classmethod
    def from_stash(cls, handler: Mapping[str, Any], where: str = "handler") -> Handler:
        """
        Read a handler.

        :param handler: the mapping under ``preBackup`` and so on.
        :param where: its place, for errors.
        :raises InvalidConfigurationError: a field is unknown, missing, or of the wrong type; or a template can't
            be parsed.
        """
        fields = Fields(handler, where)
        fields.only("exec", "httpGet", "httpPost", "tcpSocket", "containerName", "executionPolicy")
        command = fields.within("exec")
        get, post, socket = fields.within("httpGet"), fields.within("httpPost"), fields.within("tcpSocket")
        if not (command or get or post or socket):
            fields.refuse("", "it does nothing: give one of exec, httpGet, httpPost, tcpSocket.")
        return cls(
            command=_command(command) if command else (),
            http_get=_request("GET", get) if get else None,
            http_post=_request("POST", post) if post else None,
            tcp_socket=_socket(socket) if socket else None,
            container_name=fields.text("containerName"),
            execution_policy=fields.text("executionPolicy"),
        )

    @property
    def needs_pod(self) -> str:
        """The field that needs the target's pod, and why; empty where none does."""
        if self.command:
            return "exec: a command runs in the target's pod"
        for name, action in (
            ("httpGet", self.http_get), ("httpPost", self.http_post), ("tcpSocket", self.tcp_socket)
        ):  # fmt: skip
            if action is not None and action.host is None:
                return f"{name}.host: Stash takes the IP of the target's pod"
            if action is not None and isinstance(action.port, str):
                return f"{name}.port: {action.port!r} names a port of the target's pod"
        return ""

    def templates(self) -> list[tuple[str, Template]]:
        """Give the templates in it, by their place."""
        words = [(f"exec.command[{at}]", word) for at, word in enumerate(self.command)]
        body = self.http_post.body if self.http_post else None
        return [*words, *([("httpPost.body", body)] if body else [])]


def _command(fields: Fields) -> tuple[Template, ...]:
    fields.only("command")
    words = fields.items("command")
    if not words:
        fields.refuse("command", "give a list of words: the program and its arguments.")
    return tuple(_template(fields, f"command[{at}]", word) for at, word in enumerate(words))


def _request(method: str, fields: Fields) -> HttpRequest:
    of_post = ("body", "form") if method == "POST" else ()
    fields.only("host", "port", "path", "scheme", "httpHeaders", *of_post)
    scheme = (fields.text("scheme") or "HTTP").lower()
    if scheme not in {"http", "https"}:
        fields.refuse("scheme", "give HTTP or HTTPS.")
    headers = fields.each("httpHeaders", "name", "value")
    return HttpRequest(
        method=method,
        scheme=scheme,
        host=fields.text("host"),
        port=_port(fields),
        path=fields.text("path") or "",
        headers=tuple(map(_header, headers)),
        body=_template(fields, "body", fields.get("body")) if fields.get("body") else None,
        form=tuple(
            (entry.needed("key"), entry.string(f"values[{at}]", value))
            for entry in fields.each("form", "key", "values")
            for at, value in enumerate(entry.items("values"))
        ),
    )


def _header(fields: Fields) -> tuple[str, str]:
    """Read a header; what can't be sent is refused here: the HTTP client's error would repeat the value."""
    name, value = fields.needed("name"), fields.needed("value")
    if not _HEADER_NAME.fullmatch(name):
        fields.refuse("name", "is no name of a header: give letters, digits and dashes.")
    if _CONTROL.search(value):
        fields.refuse("value", "holds a line break or another control character: remove it.")
    return name, value.strip(" \t")


def _socket(fields: Fields) -> TcpSocket:
    fields.only("host", "port")
    return TcpSocket(host=fields.text("host"), port=_port(fields))


def _template(fields: Fields, name: str, value: Any) -> Template:
    # Not above: a DAG file without hooks, and each of its tasks, would load it for nothing.
    from airflow_provider_stash.gotemplate import parse

    try:
        return parse(fields.string(name, value))
    except GoTemplateError as error:
        fields.refuse(name, str(error))


def _port(fields: Fields) -> int | str:
    value = fields.get("port")
    if value is None:
        fields.refuse("port", "is missing.")
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        fields.refuse("port", f"{value!r} is no port: give a number from 1 to 65535.")
    return value
