"""Sends series to a Pushgateway, or writes them for node_exporter's textfile collector."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from airflow_provider_stash.exceptions import InvalidConfigurationError, MetricsPushError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from airflow_provider_stash.metrics.series import Identity

_WORDS = 300


@dataclass(frozen=True)
class Pushgateway:
    """
    A Pushgateway, and how to reach it.

    :param url: ``http[s]://host:port[/path]``, without user and password.
    :param user: for basic authentication, with ``password``.
    :param ca_cert: PEM of the CA of its certificate; None: the system's CAs.
    :param insecure_tls: take any certificate.
    :param timeout: seconds.
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_cert: str | None = field(default=None, repr=False)
    insecure_tls: bool = False
    timeout: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidConfigurationError(
                "The Pushgateway's address is no http:// or https:// URL with a host."
            )
        if "@" in parts.netloc:
            address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
            raise InvalidConfigurationError(
                f"The Pushgateway's URL holds user information: {address} is its address; give user and "
                "password in the connection's own fields."
            )


def push(gateway: Pushgateway, registry: CollectorRegistry, identity: Identity, *, success: bool) -> None:
    """
    Push a session's series into the group of its job and instance.

    After a success the group is replaced whole (PUT), so that series with labels of before vanish. After a
    failure only the series given are replaced (POST): the time of the last success stays.

    :raises MetricsPushError: the gateway can't be reached, or does not take them.
    """
    from prometheus_client import push_to_gateway, pushadd_to_gateway

    send = push_to_gateway if success else pushadd_to_gateway
    try:
        send(
            gateway.url,
            job=identity.job,
            registry=registry,
            grouping_key={"instance": identity.instance},
            timeout=gateway.timeout,
            handler=_handler(gateway),
        )
    except urllib.error.HTTPError as error:
        words = error.read(_WORDS).decode(errors="replace").strip()
        hint = " Look at the user and password of its connection." if error.code in {401, 403} else ""
        raise MetricsPushError(
            f"The Pushgateway {gateway.url} answered {error.code}: {words}.{hint}"
        ) from error
    except urllib.error.URLError as error:
        raise MetricsPushError(
            f"The Pushgateway {gateway.url} could not be reached: {error.reason}."
        ) from error
    except OSError as error:
        raise MetricsPushError(f"The Pushgateway {gateway.url} could not be reached: {error}.") from error


def _handler(gateway: Pushgateway) -> Callable[..., Callable[[], None]]:
    """prometheus_client's own handlers know basic authentication or TLS, not both."""

    def handler(
        url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        def handle() -> None:
            request = urllib.request.Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310
            if gateway.user is not None:
                token = b64encode(f"{gateway.user}:{gateway.password or ''}".encode()).decode()
                request.add_header("Authorization", f"Basic {token}")
            with urllib.request.urlopen(request, timeout=timeout, context=_context(gateway)):  # noqa: S310
                pass

        return handle

    return handler


def _context(gateway: Pushgateway) -> ssl.SSLContext | None:
    if not gateway.url.startswith("https:"):
        return None
    context = ssl.create_default_context(cadata=gateway.ca_cert)
    if gateway.insecure_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def write_textfile(directory: str, registry: CollectorRegistry, identity: Identity, *, success: bool) -> str:
    """
    Write a session's series to a file of its own in node_exporter's textfile directory, at once (rename).

    After a failure, series of the file before that the session has none of are kept: the last success.

    :return: the file's path.
    :raises MetricsPushError: it can't be written.
    """
    from prometheus_client import write_to_textfile

    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{identity.job}-{identity.instance}")
    path = Path(directory, f"{name}.prom")
    try:
        if not success and path.exists():
            registry.register(_Kept(path, registry))
        write_to_textfile(str(path), registry)
        path.chmod(0o644)  # node_exporter is another user
    except OSError as error:
        raise MetricsPushError(f"The metrics could not be written to {path}: {error.strerror}.") from error
    return str(path)


class _Kept:
    """The series of a textfile that a registry has none of."""

    def __init__(self, path: Path, registry: CollectorRegistry) -> None:
        from prometheus_client.parser import text_string_to_metric_families

        new = {metric.name for metric in registry.collect()}
        self._kept = [
            metric for metric in text_string_to_metric_families(path.read_text()) if metric.name not in new
        ]

    def collect(self) -> Iterator[Metric]:
        yield from self._kept

    def describe(self) -> list[Any]:
        return []
