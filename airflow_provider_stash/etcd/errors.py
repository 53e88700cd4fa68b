"""gRPC's failures, as this package's errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_stash.exceptions import (
    EtcdAuthenticationError,
    EtcdError,
    EtcdPermissionError,
    EtcdTLSError,
    EtcdUnavailableError,
)

if TYPE_CHECKING:
    import grpc

    from airflow_provider_stash.etcd.config import Endpoint

_TLS = re.compile(
    r"ssl|tls|certificate|handshak|wrong_version|peer name .* is not in peer certificate", re.IGNORECASE
)
_HINTS = (
    (
        "is not in peer certificate",
        "the certificate is not made for this host name: use a name that it holds",
    ),
    ("certificate_verify_failed", "its certificate is not signed by the CA given (or has expired)"),
    ("unable to get local issuer", "its certificate is not signed by the CA given"),
    ("certificate required", "it asks for a client certificate: give one and its key"),
    ("bad certificate", "it does not accept the client certificate"),
    ("wrong_version_number", "it does not speak TLS: write http:// in the endpoint"),
)


def translate(endpoint: Endpoint, error: grpc.RpcError, *, user: str | None) -> EtcdError:
    """
    Say what a failed call means.

    :param endpoint: who was asked.
    :param error: what gRPC raised.
    :param user: the user that asked, None without authentication.
    :return: the error to raise; it is retryable where the same call may succeed later.
    """
    import grpc

    code = error.code()
    details = str(error.details() or "").strip()
    debug = str(getattr(error, "debug_error_string", lambda: "")())
    if code is grpc.StatusCode.UNAVAILABLE:
        return _unavailable(endpoint, details, debug)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return EtcdUnavailableError(f"{endpoint} did not answer in time ({details or 'deadline exceeded'}).")
    if code is grpc.StatusCode.PERMISSION_DENIED:
        return EtcdPermissionError(
            f"{endpoint}: etcd denies this to user {user!r}. A snapshot and the key count need the root "
            f"role: etcdctl user grant-role {user} root"
        )
    if "user name is empty" in details or "user name not found" in details:
        return EtcdAuthenticationError(
            f"{endpoint}: the cluster has authentication on, and no user was given. "
            "Set the user and password of the etcd connection (a user with the root role)."
        )
    if "invalid user ID or password" in details:
        return EtcdAuthenticationError(
            f"{endpoint}: etcd does not accept user {user!r} with the password given. "
            "Correct the etcd connection; it was not tried again."
        )
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return EtcdAuthenticationError(f"{endpoint}: {details}")
    return EtcdError(f"{endpoint}: {details or code.name}")


def all_failed(what: str, failures: Sequence[EtcdError]) -> EtcdError:
    """
    Make one error of those of several endpoints; it can be retried when one of them can.

    :param what: the sentence before their reasons.
    :param failures: at least one.
    """
    if len(failures) == 1:
        return failures[0]
    kind = next((type(failure) for failure in failures if failure.retryable), type(failures[0]))
    return kind(" ".join([what, *map(str, failures)]))


def _unavailable(endpoint: Endpoint, details: str, debug: str) -> EtcdError:
    text = f"{details} {debug}".lower()
    hint = next((hint for sign, hint in _HINTS if sign in text), None)
    if endpoint.tls and (hint or _TLS.search(details)):
        return EtcdTLSError(f"{endpoint}: TLS failed: {hint or details}.")
    if not endpoint.tls and ("socket closed" in text or "protocol" in text or "settings frame" in text):
        return EtcdUnavailableError(
            f"{endpoint}: the connection was closed at once; where etcd serves TLS, write https://."
        )
    if "connection refused" in text:
        return EtcdUnavailableError(f"{endpoint}: connection refused.")
    return EtcdUnavailableError(f"{endpoint}: {details or 'unavailable'}")
