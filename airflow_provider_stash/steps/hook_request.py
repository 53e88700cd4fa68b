"""Sends the HTTP request of a hook, as Stash's prober does, but for certificates: they are verified."""

from __future__ import annotations

import json
import logging
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.steps.handler import HttpRequest

if TYPE_CHECKING:
    import httpx

_REQUESTS = 10  # the first one and its redirects
_MOST_READ = 10 * 1024
_WORDS = 300
_SHORT = 5  # what is shorter is no secret, as in Airflow's own masking


def tls_context(ca_certificate: str | None, *, insecure: bool) -> ssl.SSLContext | None:
    """
    Make the TLS settings of requests; None: certificates are verified by the CAs that httpx trusts.

    :param ca_certificate: path of the servers' CA certificate (PEM).
    :param insecure: take any certificate.
    :raises InvalidConfigurationError: the CA certificate can't be read.
    """
    if not insecure and ca_certificate is None:
        return None
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


def written(host: str, port: int) -> str:
    """Write host and port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def send(
    name: str,
    request: HttpRequest,
    host: str,
    port: int,
    body: str | None,
    *,
    timeout: float,
    tls: ssl.SSLContext | None,
) -> tuple[int, str]:
    """
    Send a request and give the answer's status, from 200 to 399, and the address that it went to.

    Redirects are followed while they stay on the host; one to another host is left. The path may be a secret, as
    Slack's is, and so may headers: neither is told.

    :param name: of the action, for errors.
    :param host: in place of the request's own.
    :param port: in place of the request's own.
    :param body: rendered; a form comes before it.
    :param timeout: seconds.
    :param tls: None: certificates are verified by the CAs that httpx trusts.
    :raises HookError: there is no answer, or one from 400 on; with the first of its words.
    """
    import httpx

    for logger in ("httpx", "httpcore"):  # they log whole URLs
        logging.getLogger(logger).setLevel(logging.WARNING)
    address = f"{request.scheme}://{written(host, port)}"
    path = urlsplit(request.path)  # as in Stash, a scheme and a host in it mean nothing
    deadline = time.monotonic() + timeout
    try:
        url = httpx.URL(
            scheme=request.scheme,
            host=host,
            port=port,
            path=path.path if path.path.startswith("/") else f"/{path.path}",
            query=path.query.encode() if path.query else None,
        )
        headers, content = _headers_and_content(request, body)
        with httpx.Client(verify=tls or True, timeout=timeout) as client:
            built = client.build_request(request.method, url, headers=headers, content=content)
            status, words = _follow(client, built, deadline)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        reason = str(error) or type(error).__name__
        raise HookError(f"{name}: no answer from {address}: {reason}.") from error
    if not 200 <= status < 400:
        raise HookError(f"{name}: {address} answered {status}: {_masked(words, path.path, path.query)}")
    return status, address


def _masked(words: str, path: str, query: str) -> str:
    """Give the first of a server's words without the request's path: many repeat it."""
    for secret in (path.strip("/"), query):
        if len(secret) >= _SHORT:
            words = words.replace(secret, "***")
    return words[:_WORDS].strip()


def _headers_and_content(
    request: HttpRequest, body: str | None
) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
    headers = [(name.encode(), value.encode()) for name, value in request.headers]
    given = {name.lower() for name, _ in headers}
    if b"user-agent" not in given:
        headers.append((b"User-Agent", b"airflow-provider-stash"))
    content: bytes | None = None
    kind = b""
    if request.form:
        by_key = sorted(request.form, key=lambda pair: pair[0].encode())
        content, kind = urlencode(by_key).encode(), b"application/x-www-form-urlencoded"
    elif body is not None:
        content, kind = body.encode(), _content_type(body)
    if content is not None and b"content-type" not in given:
        headers.append((b"Content-Type", kind))
    return headers, content


def _content_type(body: str) -> bytes:
    try:
        json.loads(body)
    except ValueError:
        return b"text/plain; charset=utf-8"
    return b"application/json"


def _follow(client: httpx.Client, request: httpx.Request, deadline: float) -> tuple[int, str]:
    """Give the status and the words of the last answer."""
    import httpx

    host = request.url.host
    for _ in range(_REQUESTS):
        response = client.send(request, stream=True)
        try:
            following = response.next_request
            if following is None or following.url.host != host:
                return response.status_code, _words(response, deadline)
        finally:
            response.close()
        if time.monotonic() > deadline:
            raise httpx.TimeoutException("its redirects took too long")
        request = following
    raise httpx.TooManyRedirects(f"it redirected {_REQUESTS} times")


def _words(response: httpx.Response, deadline: float) -> str:
    read = b""
    for part in response.iter_bytes():
        read += part
        if len(read) >= _MOST_READ or time.monotonic() > deadline:
            break
    return read.decode(errors="replace")
