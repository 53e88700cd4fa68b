"""Stash's hook handler, as its manifests write it: HTTP requests, a TCP connection, a command."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from airflow_provider_stash.exceptions import GoTemplateError, InvalidConfigurationError
from airflow_provider_stash.gotemplate import Template, parse


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
    :param container_name: which of the pod's containers runs the command and has the named ports.
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
        fields = _Fields(handler, where)
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

    def templates(self) -> list[tuple[str, Template]]:
        """Give the templates in it, by their place."""
        words = [(f"exec.command[{at}]", word) for at, word in enumerate(self.command)]
        body = self.http_post.body if self.http_post else None
        return [*words, *([("httpPost.body", body)] if body else [])]


def _command(fields: _Fields) -> tuple[Template, ...]:
    fields.only("command")
    words = fields.get("command")
    if not isinstance(words, Sequence) or isinstance(words, str) or not words:
        fields.refuse("command", "give a list of words: the program and its arguments.")
    return tuple(fields.template(f"command[{at}]", word) for at, word in enumerate(words))


def _request(method: str, fields: _Fields) -> HttpRequest:
    of_post = ("body", "form") if method == "POST" else ()
    fields.only("host", "port", "path", "scheme", "httpHeaders", *of_post)
    scheme = (fields.text("scheme") or "HTTP").lower()
    if scheme not in {"http", "https"}:
        fields.refuse("scheme", f"{scheme!r} is neither HTTP nor HTTPS.")
    headers = [
        (one.text("name", required=True), one.text("value", required=True, empty=True))
        for one in fields.each("httpHeaders", "name", "value")
    ]
    body = fields.get("body")
    form = []
    for entry in fields.each("form", "key", "values"):
        values = entry.get("values") or []
        if not isinstance(values, Sequence) or isinstance(values, str):
            entry.refuse("values", "give a list of strings.")
        key = entry.text("key", required=True) or ""
        form += [(key, entry.string(f"values[{at}]", value)) for at, value in enumerate(values)]
    return HttpRequest(
        method=method,
        scheme=scheme,
        host=fields.text("host"),
        port=fields.port(),
        path=fields.text("path") or "",
        headers=tuple((name or "", value or "") for name, value in headers),
        body=fields.template("body", body) if body else None,
        form=tuple(form),
    )


def _socket(fields: _Fields) -> TcpSocket:
    fields.only("host", "port")
    return TcpSocket(host=fields.text("host"), port=fields.port())


@dataclass(frozen=True)
class _Fields:
    """A mapping, and where it stands."""

    mapping: Mapping[str, Any]
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.mapping, Mapping):
            raise InvalidConfigurationError(
                f"{self.where}: give fields and values, not {self.mapping!r:.60}."
            )

    def refuse(self, name: str, reason: str) -> NoReturn:
        place = f"{self.where}.{name}" if name else self.where
        raise InvalidConfigurationError(f"{place}: {reason}")

    def only(self, *known: str) -> None:
        for name in self.mapping:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
                self.refuse(str(name), f"unknown field; {hint}")

    def get(self, name: str) -> Any:
        return self.mapping.get(name)

    def within(self, name: str) -> _Fields | None:
        found = self.get(name)
        return None if found is None else _Fields(found, f"{self.where}.{name}")

    def each(self, name: str, *known: str) -> list[_Fields]:
        found = self.get(name) or []
        if not isinstance(found, Sequence) or isinstance(found, str):
            self.refuse(name, "give a list.")
        entries = [_Fields(one, f"{self.where}.{name}[{at}]") for at, one in enumerate(found)]
        for one in entries:
            one.only(*known)
        return entries

    def string(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            self.refuse(name, f"must be a string, not {value!r:.60}: put it in quotes.")
        return value

    def text(self, name: str, *, required: bool = False, empty: bool = False) -> str | None:
        value = self.get(name)
        if value is None or (value == "" and not empty):
            if required:
                self.refuse(name, "is missing.")
            return None
        return self.string(name, value)

    def template(self, name: str, value: Any) -> Template:
        try:
            return parse(self.string(name, value))
        except GoTemplateError as error:
            raise InvalidConfigurationError(f"{self.where}.{name}: {error}") from error

    def port(self) -> int | str:
        value = self.get("port")
        if value is None:
            self.refuse("port", "is missing.")
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, str) and value:
            return value
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
            self.refuse("port", f"{value!r} is no port: give a number from 1 to 65535.")
        return value
