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
    from airflow_provider_stash.kubernetes.running_pod import RunningPod

log = logging.getLogger(__name__)

TIMEOUT = 300.0
"""Seconds for one request or connection, as in Stash."""

_SAMPLES = (
    Status("Succeeded"),
    Status("Succeeded", duration=66.0, retry_left=1),
    Status("Failed"),
    Status("Failed", duration=66.0, error="an error", retry_left=1),
)
"""Templates are tried with each: a branch may be taken with one alone."""


def check_handler(handler: Handler, where: str = "handler", *, has_pod: bool = False) -> None:
    """
    Refuse what needs the target's pod where none is known, and templates that no session's data can be put into.

    :param where: the handler's place, for errors.
    :param has_pod: whether the target's pod is known.
    :raises InvalidConfigurationError: the field, and what to give.
    """
    from airflow_provider_stash.gotemplate import NeverRendersError

    for name, template in handler.templates():
        for status in _SAMPLES:
            try:
                template.render(summary({}, "run", status))
            except NeverRendersError as error:
                raise InvalidConfigurationError(f"{where}.{name}: {error}") from error
            except GoTemplateError:
                pass  # real data may do
    if handler.needs_pod and not has_pod:
        instead = "" if handler.command else ", or a host and a number as port"
        raise InvalidConfigurationError(
            f"{where}.{handler.needs_pod}, and none is known here: give the hook's operator a target_pod{instead}."
        )


def run_handler(
    handler: Handler,
    data: Struct,
    *,
    pod: RunningPod | None = None,
    timeout: float = TIMEOUT,
    tls: ssl.SSLContext | None = None,
) -> dict[str, Any]:
    """
    Do what a handler asks for: ``exec``, ``httpGet``, ``httpPost``, ``tcpSocket``, one after another.

    An HTTP answer of 200 to 399 is a success. Redirects are followed while they stay on the host.

    :param data: what its templates see, see ``summary``.
    :param pod: the target's; None: none is known.
    :param timeout: seconds for one request or connection. A command may take any time, as in Stash.
    :param tls: None: certificates are verified by the CAs that httpx trusts.
    :return: ``actions`` (each with ``action``; ``address``, and of HTTP ``status``; or ``pod`` and ``container``),
        ``duration`` (seconds).
    :raises HookError: it failed.
    :raises InvalidConfigurationError: it needs a pod, or a template can't be rendered.
    """
    check_handler(handler, has_pod=pod is not None)
    begin = now()
    actions: list[dict[str, Any]] = []
    if handler.command:
        assert pod is not None
        command = [_render(word, data, f"exec.command[{at}]") for at, word in enumerate(handler.command)]
        container = pod.run(command, handler.container_name)
        actions.append({"action": "exec", "pod": str(pod), "container": container})
    for name, request in (("httpGet", handler.http_get), ("httpPost", handler.http_post)):
        if request is not None:
            host, port = _place(request, pod, handler.container_name)
            body = _render(request.body, data, f"{name}.body") if request.body else None
            status, address = send(name, request, host, port, body, timeout=timeout, tls=tls)
            log.info("%s: %s answered %d", name, address, status)
            actions.append({"action": name, "address": address, "status": status})
    if handler.tcp_socket is not None:
        host, port = _place(handler.tcp_socket, pod, handler.container_name)
        actions.append(_connect(host, port, timeout))
    return {"actions": actions, "duration": seconds_since(begin)}


def _place(action: HttpRequest | TcpSocket, pod: RunningPod | None, container: str | None) -> tuple[str, int]:
    """Give host and port; ``check_handler`` has seen to it that a pod is there where one is needed."""
    host, port = action.host, action.port
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


def _connect(host: str, port: int, timeout: float) -> dict[str, Any]:
    address = written(host, port)
    try:
        socket.create_connection((host, port), timeout).close()
    except (OSError, UnicodeError) as error:  # the latter: the host is no name
        raise HookError(f"tcpSocket: {address} takes no connection: {error}.") from error
    return {"action": "tcpSocket", "address": address}
