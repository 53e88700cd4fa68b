"""gRPC channels to etcd, with the TLS that a configuration asks for."""

from __future__ import annotations

import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.etcd.errors import unavailable
from airflow_provider_stash.etcd.pem import check_pem
from airflow_provider_stash.exceptions import EtcdTLSError

if TYPE_CHECKING:
    import grpc

    from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig

KEEPALIVE_MS = 10_000
"""Pings to notice a member that is gone without a word; etcd allows one every 5 s."""


def open_channel(config: EtcdConfig, endpoint: Endpoint) -> grpc.Channel:
    """
    Make a channel; nothing is connected until the first call (but see ``insecure_skip_verify``).

    :raises InvalidConfigurationError: a certificate or key can't be used.
    :raises EtcdUnavailableError: verification is off and the server's certificate could not be fetched.
    """
    import grpc
    import grpc.experimental

    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
        # gRPC's other ping, which measures the bandwidth, would hold these up for a minute.
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_MS),
        # A stream sends nothing; gRPC would go over to one ping a minute.
        ("grpc.http2.max_pings_without_data", 0),
        # How long an attempt to connect may take; gRPC's own 20 s are what a stream would wait for a silent host.
        ("grpc.min_reconnect_backoff_ms", int(config.timeout * 1000)),
        # A channel of our own: no other client of this process shares its connection and its back-off.
        ("grpc.use_local_subchannel_pool", 1),
        # A stream is read by the thread that iterates: 2.9 s instead of 4.2 s for a 1.5 GB snapshot.
        (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
    ]
    if not endpoint.tls:
        return grpc.insecure_channel(endpoint.target, options=options)
    check_pem(config)
    roots = config.ca_cert or _system_roots()
    if config.insecure_skip_verify:
        roots, name = _presented_certificate(config, endpoint)
        options.append(("grpc.ssl_target_name_override", name))
    elif config.server_name:
        options.append(("grpc.ssl_target_name_override", config.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=roots, private_key=config.client_key, certificate_chain=config.client_cert
    )
    return grpc.secure_channel(endpoint.target, credentials, options=options)


def _system_roots() -> bytes | None:
    """Read the system's CAs; gRPC on its own would take a list that came with its wheel."""
    bundle = ssl.get_default_verify_paths().cafile
    return Path(bundle).read_bytes() if bundle else None


def _presented_certificate(config: EtcdConfig, endpoint: Endpoint) -> tuple[bytes, str]:
    """
    Fetch the certificate that the server presents, and a name it is valid for.

    gRPC can't be told to skip verification, so the certificate that is there becomes the one that is
    trusted, under a name it holds. An expired one still fails.
    """
    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if config.client_cert and config.client_key:
        _load_client_certificate(context, config.client_cert, config.client_key)
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout=config.timeout) as plain:
            der = _handshake(context, plain, endpoint.host)
    except OSError as error:  # ssl.SSLError is one
        raise unavailable(endpoint, error.strerror or str(error), config) from error
    if der is None:
        raise EtcdTLSError(f"{endpoint}: the server presented no certificate.")
    certificate = x509.load_der_x509_certificate(der)
    return ssl.DER_cert_to_PEM_cert(der).encode(), _certificate_name(certificate, endpoint.host)


def _handshake(context: ssl.SSLContext, plain: socket.socket, host: str) -> bytes | None:
    try:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            return secure.getpeercert(binary_form=True)
    except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        # A server that does not speak TLS closes with our greeting unread, and the system then resets; by the version
        # of Python that is one of these. In gRPC's words: a reset alone does not tell that it came in the handshake.
        raise ConnectionError(error.errno, f"Handshake read failed ({error.strerror})") from error


def _certificate_name(certificate: Any, otherwise: str) -> str:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    for name in (
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ):
        return str(name).replace("*", "any", 1)
    # Without any such name, gRPC compares the subject's common name.
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else otherwise


def _load_client_certificate(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    """``ssl`` reads certificates from files alone; this one is 0600 and gone at once."""
    with tempfile.TemporaryDirectory(prefix="stash-") as directory:
        path = Path(directory, "client.pem")
        path.touch(mode=0o600)
        path.write_bytes(cert.rstrip() + b"\n" + key)
        context.load_cert_chain(path)
