"""Checks the certificates and key of a configuration, of which gRPC would only say that it can't connect."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow_provider_stash.etcd.config import EtcdConfig


def check_pem(config: EtcdConfig) -> None:
    """
    Refuse a CA certificate, client certificate or client key that can't be used.

    :raises InvalidConfigurationError: which one, and why; none of their text is repeated.
    """
    fields = {
        "CA certificate": config.ca_cert,
        "client certificate": config.client_cert,
        "client key": config.client_key,
    }
    for name, pem in fields.items():
        if pem is not None and b"-----BEGIN " not in pem:
            raise InvalidConfigurationError(
                f"The etcd {name} is no PEM text: '-----BEGIN ...-----' is missing."
            )
    if config.ca_cert is not None:
        _check_ca(config.ca_cert)
    if config.client_cert is not None and config.client_key is not None:
        _check_pair(config.client_cert, config.client_key)


def _check_ca(pem: bytes) -> None:
    try:
        # ASCII alone is taken, and a bundle's comments may hold anything.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except ssl.SSLError:
        raise _unreadable("CA certificate", "certificate") from None


def _check_pair(cert: bytes, key: bytes) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate = x509.load_pem_x509_certificate(cert)
    except ValueError:
        raise _unreadable("client certificate", "certificate") from None
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise InvalidConfigurationError(
            "The etcd client key is encrypted: give it without a passphrase (openssl pkey -in KEY)."
        ) from None
    except ValueError:
        raise _unreadable("client key", "private key") from None
    if private.public_key() != certificate.public_key():
        raise InvalidConfigurationError(
            "The etcd client key is not that of the client certificate: give the two that were made together."
        )


def _unreadable(name: str, what: str) -> InvalidConfigurationError:
    return InvalidConfigurationError(
        f"The etcd {name} can't be read: no whole {what} is in it. Give its text from the line "
        "'-----BEGIN' to the line '-----END'."
    )
