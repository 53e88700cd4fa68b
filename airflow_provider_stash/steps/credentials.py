"""How a Job gets to etcd and the repository: plain settings as arguments, secrets as files of mounted Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.backends import (
    BACKENDS,
    CA_KEY,
    GCS_FILE_KEY,
    PASSWORD_KEY,
    with_credentials,
)
from airflow_provider_stash.restic.repository import Repository

USER, PASSWORD, CA, CERTIFICATE, KEY = "username", "password", "ca.crt", "tls.crt", "tls.key"
"""Keys of an AppBinding's Secrets."""

_CERTIFICATES = (("client.pem", "client-key.pem"), (CERTIFICATE, KEY))
"""The client certificate and its private key in them: Stash's, and Kubernetes'; as in a connection of manifests."""

LOCATION, CLIENT_CERTIFICATE = "location", "client.pem"
"""Keys of a repository's Secret beside Stash's: a location that holds credentials, and a client's PEM."""

_PLAIN = ("insecure_tls", "max_connections", "limit_upload", "limit_download", "no_cache")


def etcd_settings(config: EtcdConfig) -> dict[str, Any]:
    """Give what is no secret, as plain JSON."""
    return {
        "endpoints": ",".join(endpoint.url for endpoint in config.endpoints),
        "ca_cert": config.ca_cert.decode() if config.ca_cert else None,
        "insecure_skip_verify": config.insecure_skip_verify,
        "server_name": config.server_name,
        "timeout": config.timeout,
    }


def etcd_secret(config: EtcdConfig) -> dict[str, bytes]:
    """Give what is secret, under the keys of an AppBinding's Secrets; empty: nothing is."""
    found = {
        USER: config.user and config.user.encode(),
        PASSWORD: config.password and config.password.encode(),
        CERTIFICATE: config.client_cert,
        KEY: config.client_key,
    }
    return {key: value for key, value in found.items() if value}


def load_etcd(settings: Mapping[str, Any], directory: Path) -> EtcdConfig:
    """
    Put settings and a mounted Secret together.

    :param settings: as of ``etcd_settings``.
    :param directory: of the Secret's files; it may be absent.
    :raises InvalidConfigurationError: they don't fit each other.
    """
    files = _read(directory)
    certificate, key = _client_certificate(files)
    ca = files.get(CA) or (settings["ca_cert"].encode() if settings["ca_cert"] else None)
    return EtcdConfig(
        endpoints=parse_endpoints(settings["endpoints"]),
        user=files[USER].decode().strip() if USER in files else None,
        password=files[PASSWORD].decode().rstrip("\n") if PASSWORD in files else None,
        ca_cert=ca,
        client_cert=certificate,
        client_key=key,
        insecure_skip_verify=settings["insecure_skip_verify"],
        server_name=settings["server_name"],
        timeout=settings["timeout"],
    )


def _client_certificate(files: Mapping[str, bytes]) -> tuple[bytes | None, bytes | None]:
    """Give the first pair that is whole; else half of one, which is refused with the sentence that tells so."""
    pairs = [(files.get(certificate) or None, files.get(key) or None) for certificate, key in _CERTIFICATES]
    return next(filter(all, pairs), None) or next(filter(any, pairs), (None, None))


def repository_settings(repository: Repository) -> dict[str, Any]:
    """Give what is no secret, as plain JSON. The worker's paths of restic and its cache stay behind."""
    return {
        "location": repository.redacted_location,
        "options": dict(repository.options),
        "ca_cert": repository.ca_cert.decode() if repository.ca_cert else None,
        **{name: getattr(repository, name) for name in _PLAIN},
    }


def repository_secret(repository: Repository) -> dict[str, bytes]:
    """Give what is secret, under the keys of Stash's storage Secrets."""
    secret = {PASSWORD_KEY: repository.password.encode()}
    secret |= {key: value.encode() for key, value in repository.environment.items()}
    if repository.location != repository.redacted_location:
        secret[LOCATION] = repository.location.encode()
    if repository.client_cert:
        secret[CLIENT_CERTIFICATE] = repository.client_cert
    # There is one such variable, GOOGLE_APPLICATION_CREDENTIALS.
    for content in repository.secret_files.values():
        secret[GCS_FILE_KEY] = content
    return secret


def load_repository(settings: Mapping[str, Any], directory: Path) -> Repository:
    """
    Put settings and a mounted Secret together.

    :param settings: as of ``repository_settings``.
    :param directory: of the Secret's files.
    :raises InvalidConfigurationError: there is no password, or a key that the backend needs is missing.
    """
    files = _read(directory)
    if not files.get(PASSWORD_KEY):
        raise InvalidConfigurationError(
            f"The repository's Secret holds no {PASSWORD_KEY}: add the repository's password to it."
        )
    repository = Repository(
        location=files[LOCATION].decode() if LOCATION in files else settings["location"],
        password=files[PASSWORD_KEY].decode(),
        ca_cert=settings["ca_cert"].encode() if settings["ca_cert"] else None,
        client_cert=files.get(CLIENT_CERTIFICATE),
        options=settings["options"],
        **{name: settings[name] for name in _PLAIN},
    )
    # A storage Secret may hold the keys of several backends: Stash takes those that it needs.
    taken = files.keys() & (BACKENDS[repository.scheme].keys | {CA_KEY})
    # A Secret made of a file often ends with a line's end. In Stash that is part of the password, but of no other key.
    return with_credentials(repository, {key: files[key].decode().rstrip("\n") for key in taken})


def _read(directory: Path) -> dict[str, bytes]:
    """Read a mounted Secret: a file a key; what begins with two dots is the mount's own."""
    if not directory.is_dir():
        return {}
    return {
        file.name: file.read_bytes()
        for file in directory.iterdir()
        if not file.name.startswith("..") and file.is_file()
    }
