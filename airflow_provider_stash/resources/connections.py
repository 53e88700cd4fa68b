"""An AppBinding and a Repository, with their Secrets, as the Airflow connections that take their place."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.resources.appbinding import AppBinding, Secret
from airflow_provider_stash.resources.load import Manifests
from airflow_provider_stash.resources.model import StashObject
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.restic.backends import BACKENDS, CA_KEY, PASSWORD_KEY

_CERTIFICATES = (("client.pem", "client-key.pem"), ("tls.crt", "tls.key"))
"""Keys of the client certificate and its private key in an AppBinding's Secret: Stash's, and Kubernetes'."""


def connection_id(kind: str, namespace: str, name: str) -> str:
    """
    Give the id of the connection that stands for an object, such as ``stash_repository__demo__gcs_repo``.

    It is lower case, with underscores for dashes and dots, so that a shell can export it as ``AIRFLOW_CONN_...``.

    :param kind: ``AppBinding`` or ``Repository``.
    """
    return "__".join((f"stash_{kind.lower()}", namespace, name)).replace("-", "_").replace(".", "_")


def etcd_connection(
    manifests: Manifests, namespace: str, name: str, *, insecure: bool = False
) -> dict[str, Any]:
    """
    Make the ``etcd`` connection of an AppBinding.

    :param manifests: where the AppBinding and its Secrets are.
    :param insecure: take any server certificate, whatever the AppBinding says.
    :return: ``conn_type``, ``host``, ``login``, ``password``, ``extra``.
    :raises InvalidConfigurationError: the AppBinding or one of its Secrets is missing, or can't be used.
    """
    binding = _need(manifests, AppBinding, namespace, name)
    config = binding.spec.client_config
    keys = _transformed(manifests, binding)
    if binding.spec.tls_secret:
        keys |= _values(manifests, namespace, binding.spec.tls_secret.name, str(binding))
    extra: dict[str, Any] = {}
    if config.ca_bundle:
        extra["ca_certificate"] = config.ca_certificate
    for certificate, key in _CERTIFICATES:
        if keys.get(certificate) and keys.get(key):
            extra["client_certificate"] = _text(keys, certificate, binding)
            extra["client_private_key"] = _text(keys, key, binding)
            break
    if config.server_name:
        extra["server_name"] = config.server_name
    if config.insecure_skip_tls_verify or insecure:
        extra["insecure_skip_verify"] = True
    return {
        "conn_type": "etcd",
        "host": config.endpoint(namespace),
        "login": _text(keys, "username", binding),
        "password": _text(keys, "password", binding),
        "extra": extra,
    }


def restic_connection(
    manifests: Manifests, namespace: str, name: str, *, no_cache: bool = False
) -> dict[str, Any]:
    """
    Make the ``restic`` connection of a Repository.

    :param manifests: where the Repository and its storage Secret are.
    :param no_cache: use no cache (Stash: ``tempDir.disableCaching``).
    :return: ``conn_type``, ``host``, ``password``, ``extra``.
    :raises InvalidConfigurationError: the Repository or its Secret is missing, or can't be used.
    """
    repository = _need(manifests, Repository, namespace, name)
    backend = repository.spec.backend
    if not backend.storage_secret_name:
        raise InvalidConfigurationError(
            f"{repository}: spec.backend.storageSecretName is missing: the Secret with RESTIC_PASSWORD is needed."
        )
    keys = _values(manifests, namespace, backend.storage_secret_name, str(repository))
    scheme = {"gcs": "gs"}.get(backend.provider, backend.provider)
    # A storage Secret may hold the keys of several backends: Stash takes those that it needs.
    known = BACKENDS[scheme].keys | {CA_KEY}
    extra: dict[str, Any] = {
        "storage_secret": {key: _text(keys, key, repository) or "" for key in sorted(known & set(keys))}
    }
    if backend.region:
        extra["region"] = backend.region
    if backend.max_connections:
        extra["max_connections"] = backend.max_connections
    if backend.s3 and backend.s3.insecure_tls:
        extra["insecure_tls"] = True
    if no_cache:
        extra["no_cache"] = True
    return {
        "conn_type": "restic",
        "host": backend.location,
        "password": _text(keys, PASSWORD_KEY, repository),
        "extra": extra,
    }


def _need(manifests: Manifests, model: Any, namespace: str, name: str, whose: str = "") -> Any:
    found = manifests.get(model, namespace, name)
    if found is None:
        refusal = manifests.refusal_of(model, namespace, name)
        raise InvalidConfigurationError(
            f"{model.__name__} {namespace}/{name}{whose} is not in the manifests, or can't be read."
            f"{f' {refusal}' if refusal else ''}"
        )
    return found


def _values(manifests: Manifests, namespace: str, name: str, by: str) -> dict[str, bytes]:
    secret: Secret = _need(manifests, Secret, namespace, name, f" (of {by})")
    return secret.values()


def _text(keys: Mapping[str, bytes], key: str, of: StashObject) -> str | None:
    """Give the value of a key that must be text; None where it is empty or there is none."""
    try:
        return keys.get(key, b"").decode() or None
    except UnicodeDecodeError:
        raise InvalidConfigurationError(f"{of}: the value of {key!r} in its Secret is no text.") from None


def _transformed(manifests: Manifests, binding: AppBinding) -> dict[str, bytes]:
    """Give the keys of an AppBinding's Secret, changed as ``secretTransforms`` say."""
    if binding.spec.secret is None:
        return {}
    keys = _values(manifests, binding.namespace, binding.spec.secret.name, str(binding))
    for transform in binding.spec.secret_transforms:
        if transform.rename_key and transform.rename_key.from_ in keys:
            keys[transform.rename_key.to] = keys.pop(transform.rename_key.from_)
        if transform.add_key:
            text = transform.add_key.string_value
            keys[transform.add_key.key] = (
                base64.b64decode(transform.add_key.value) if text is None else text.encode()
            )
        if transform.add_keys_from:
            keys |= _values(
                manifests, binding.namespace, transform.add_keys_from.secret_ref.name, str(binding)
            )
        if transform.remove_key:
            keys.pop(transform.remove_key.key, None)
    return keys
