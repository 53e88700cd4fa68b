"""gRPC's failures, as this package's errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_stash.exceptions import (
    EtcdAuthenticationError,
    EtcdError,
    EtcdNoLeaderError,
    EtcdPermissionError,
    EtcdTLSError,
    EtcdUnavailableError,
)

if TYPE_CHECKING:
    import grpc

    from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig

_CLOSED = (
    "the connection was closed during the TLS handshake: the member is just starting or stopping, or it "
    "does not speak TLS (then write http:// in the endpoint)"
)
_WRONG_NAME = (
    "its certificate is not made for {host}: use a host name or address that the certificate names, give one as "
    "the server name, or add this one to the certificate"
)
# What gRPC (its words change with its versions) and Python's ssl say of a TLS connection, and what it means.
# The first that fits counts.
_TLS_SIGNS: tuple[tuple[str, type[EtcdUnavailableError], str], ...] = (
    ("hostname verification check failed", EtcdTLSError, _WRONG_NAME),
    ("is not in peer certificate", EtcdTLSError, _WRONG_NAME),
    ("certificate has expired", EtcdTLSError, "its certificate has expired: renew it on the member"),
    (
        "certificate is not yet valid",
        EtcdTLSError,
        "its certificate is not valid yet: compare the clocks of this host and the member",
    ),
    ("certificate_verify_failed", EtcdTLSError, "its certificate is not signed by {ca}"),
    (
        "unwrap failed",
        EtcdTLSError,
        "it refused the connection after the TLS handshake: {client_certificate}",
    ),
    ("certificate required", EtcdTLSError, "{client_certificate}"),
    ("certificate_required", EtcdTLSError, "{client_certificate}"),
    ("bad certificate", EtcdTLSError, "{client_certificate}"),
    ("bad_certificate", EtcdTLSError, "{client_certificate}"),
    ("wrong_version_number", EtcdTLSError, "it does not speak TLS: write http:// in the endpoint"),
    (
        "security handshaker",
        EtcdTLSError,
        "gRPC can't use the certificates of the etcd connection: look at the CA and client certificate",
    ),
    # Not "wrong": a member that is being stopped or started breaks off like this, and later answers.
    ("endpoint closing", EtcdUnavailableError, "the TLS handshake was not answered in time"),
    ("timed out", EtcdUnavailableError, "the TLS handshake was not answered in time"),
    ("handshake read failed", EtcdUnavailableError, _CLOSED),
    ("unexpected_eof", EtcdUnavailableError, _CLOSED),
)
_PLAIN_SIGNS = ("socket closed", "connection reset", "failed parsing http/2", "settings frame")
_UNRESOLVED = (
    "errors resolving",
    "dns resolution failed",
    "domain name not found",
    "name or service not known",
)
_NO_QUORUM = ("no leader", "request timed out", "leader changed")
_PREFIX = re.compile(r"^failed to connect to all addresses; last error: [A-Z_]+: (?:ipv[46]:\S+: )?")


class InvalidTokenError(EtcdAuthenticationError):
    """A token ends with its time, and with a restart of the member that gave it: a new login helps."""

    retryable = True


def translate(endpoint: Endpoint, error: grpc.RpcError, config: EtcdConfig) -> EtcdError:
    """
    Say what a failed call means.

    :param endpoint: who was asked.
    :param error: what gRPC raised.
    :param config: with which user and certificates.
    :return: the error to raise; it is retryable where the same call may succeed later.
    """
    import grpc

    code = error.code()
    details = str(error.details() or "").strip()
    if code is grpc.StatusCode.UNAVAILABLE:
        return unavailable(endpoint, details, config)
    # Of a login that waits for a quorum until the caller's time is over, etcd gives the code UNKNOWN.
    if code is grpc.StatusCode.DEADLINE_EXCEEDED or details == "context deadline exceeded":
        return EtcdUnavailableError(
            f"{endpoint} did not answer in time: it is cut off or overloaded, or the cluster has lost its "
            "quorum (a login needs one, too)."
        )
    # Some calls (Snapshot, HashKV) give authentication's errors with the code UNKNOWN.
    if code is grpc.StatusCode.PERMISSION_DENIED or "permission denied" in details:
        who = f"user {config.user!r}" if config.user is not None else "the user of the client certificate"
        return EtcdPermissionError(
            f"{endpoint}: etcd denies this to {who}. A snapshot and the key count need the root role: "
            f"etcdctl user grant-role {config.user or 'USER'} root"
        )
    if "user name is empty" in details or "user name not found" in details:
        return EtcdAuthenticationError(
            f"{endpoint}: the cluster has authentication on, and no user was given. "
            "Set the user and password of the etcd connection (a user with the root role)."
        )
    if "invalid user ID or password" in details:
        return EtcdAuthenticationError(
            f"{endpoint}: etcd does not accept user {config.user!r} with the password given. "
            "Correct the etcd connection; it was not tried again."
        )
    if "invalid auth token" in details or "auth store is old" in details or "in header is old" in details:
        return InvalidTokenError(
            f"{endpoint}: etcd does not accept the token that it gave to user {config.user!r} ({details})."
        )
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return EtcdAuthenticationError(f"{endpoint}: {details}")
    if code is grpc.StatusCode.DATA_LOSS:
        return EtcdError(f"{endpoint}: {details}. Look at: etcdctl alarm list")
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


def unavailable(endpoint: Endpoint, details: str, config: EtcdConfig) -> EtcdUnavailableError:
    """
    Say why there is no connection to an endpoint.

    :param details: what gRPC, Python's ssl or the system said.
    """
    text = details.lower()
    if any(sign in text for sign in _UNRESOLVED):
        return EtcdUnavailableError(
            f"{endpoint}: the host name {endpoint.host!r} can't be resolved. Correct the endpoint, or the DNS."
        )
    if "connection refused" in text:
        return EtcdUnavailableError(
            f"{endpoint}: connection refused: nothing listens there. Is the member running?"
        )
    if any(sign in text for sign in _NO_QUORUM) and "etcdserver" in text:
        return EtcdNoLeaderError(
            f"{endpoint}: {details}: the cluster has no leader now. Are more than half of its members up?"
        )
    if endpoint.tls:
        for sign, kind, meaning in _TLS_SIGNS:
            if sign in text:
                return kind(f"{endpoint}: {_fill(meaning, endpoint, config)}.")
    elif "timed out" in text:
        return EtcdUnavailableError(f"{endpoint}: the connection was not answered in time.")
    # Only when no connection could be made: one that breaks later has been of the right kind.
    elif _PREFIX.match(details) and any(sign in text for sign in _PLAIN_SIGNS):
        return EtcdUnavailableError(
            f"{endpoint}: the connection was closed at once; where etcd serves TLS, write https://."
        )
    return EtcdUnavailableError(f"{endpoint}: {_PREFIX.sub('', details) or 'unavailable'}.")


def _fill(meaning: str, endpoint: Endpoint, config: EtcdConfig) -> str:
    return meaning.format(
        host=endpoint.host,
        ca="the CA given" if config.ca_cert else "a CA that this system trusts: give the CA's certificate",
        client_certificate=(
            "it does not accept the client certificate given"
            if config.client_cert
            else "it asks for a client certificate: give one and its key"
        ),
    )
