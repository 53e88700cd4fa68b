"""Runs a hook's handler, as Stash's prober does."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import GoTemplateError, HookError, InvalidConfigurationError
from airflow_provider_stash.steps.handler import Handler, HttpRequest, TcpSocket
from airflow_provider_stash.steps.hook_request import send, written
from airflow_provider_stash.steps.results import now, seconds_since
from airflow_provider_stash.steps.summary import Status, summary

if TYPE_CHECKING:
    import ssl

    from airflow_provider_stash.gotemplate import Struct, Template

log = logging.getLogger(__name__)

TIMEOUT = 300.0
"""Seconds for one request or connection, as in Stash."""


def check_handler(handler: Handler, where: str = "handler") -> None:
    """
    Refuse what needs the target's pod, as there is none here, and templates that ask for fields that no session has.

    :param where: the handler's place, for errors.
    :raises InvalidConfigurationError: the field, and what to give.
    """
    from airflow_provider_stash.gotemplate import UnknownFieldError

    for name, template in handler.templates():
        for phase in ("Succeeded", "Failed"):
            try:
                template.render(summary({}, "", Status(phase)))
            except UnknownFieldError as error:
                raise InvalidConfigurationError(f"{where}.{name}: {error}") from error
            except GoTemplateError:
                pass  # real data may do
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


def run_handler(
    handler: Handler,
    data: Struct,
    *,
    timeout: float = TIMEOUT,
    tls: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """
    Do what a handler asks for: ``httpGet``, ``httpPost``, ``tcpSocket``, one after another.

    An HTTP answer of 200 to 399 is a success. Redirects are followed while they stay on the host.

    :param data: what its templates see, see ``summary``.
    :param timeout: seconds for one request or connection.
    :param tls: None: certificates are verified by the CAs that httpx trusts.
    :return: ``actions`` (each with ``action``, ``address``, and of HTTP ``status``), ``duration`` (seconds).
    :raises HookError: it failed.
    :raises InvalidConfigurationError: it needs a pod, or a template can't be rendered.
    """
    check_handler(handler)
    begin = now()
    actions: list[dict[str, Any]] = []
    for name, request in (("httpGet", handler.http_get), ("httpPost", handler.http_post)):
        if request is not None:
            host, port = _place(request)
            body = _render(request.body, data, f"{name}.body") if request.body else None
            status, address = send(name, request, host, port, body, timeout=timeout, tls=tls)
            log.info("%s: %s answered %d", name, address, status)
            actions.append({"action": name, "address": address, "status": status})
    if handler.tcp_socket is not None:
        host, port = _place(handler.tcp_socket)
        actions.append(_connect(host, port, timeout))
    return {"actions": actions, "duration": seconds_since(begin)}


def _place(action: HttpRequest | TcpSocket) -> tuple[str, int]:
    """Give host and port; ``check_handler`` has seen to it that both are there."""
    assert action.host is not None
    assert isinstance(action.port, int)
    return action.host, action.port


def _render(template: Template, data: Struct, where: str) -> str:
    """Render as Stash does: what has no action stays as it is, what has one loses white space at its ends."""
    if "{{" not in template.text:
        return template.text
    try:
        return template.render(data).strip()
    except GoTemplateError as error:
        raise InvalidConfigurationError(f"{where}: {error}") from error


def _connect(host: str, port: int, timeout: float) -> dict[str, Any]:
    address = written(host, port)
    try:
        socket.create_connection((host, port), timeout).close()
    except (OSError, UnicodeError) as error:  # the latter: the host is no name
        raise HookError(f"tcpSocket: {address} takes no connection: {error}.") from error
    return {"action": "tcpSocket", "address": address}
