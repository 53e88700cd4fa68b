"""The etcd connection (Stash: AppBinding and its Secrets)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.log import mask_secret

from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.exceptions import (
    EtcdError,
    EtcdPermissionError,
    InvalidConfigurationError,
    StashError,
)
from airflow_provider_stash.hooks.fields import Fields
from airflow_provider_stash.hooks.manifests import ManifestHook
from airflow_provider_stash.steps.results import human_size

if TYPE_CHECKING:
    from airflow_provider_stash.etcd.client import EtcdClient

_DEFAULT_TIMEOUT = 5.0
_TEST_TIMEOUT = 3.0


class EtcdHook(ManifestHook):
    """
    Reads an ``etcd`` connection.

    Host: one or several endpoints, ``[http[s]://]host[:port]``, comma separated (or in the extra field
    ``endpoints``, which suits the URI form). Login and password: an etcd
    user. Extra: ``ca_certificate``, ``client_certificate``, ``client_private_key`` (PEM text or the absolute path
    of a file), ``insecure_skip_verify``, ``server_name``, ``timeout`` (seconds for one request). An endpoint without
    scheme is https when one of the others but the last is given, else http.

    :param etcd_conn_id: the connection's id.
    """

    conn_name_attr = "etcd_conn_id"
    default_conn_name = "etcd_default"
    conn_type = "etcd"
    hook_name = "etcd"

    FIELDS = (
        "endpoints",
        "ca_certificate",
        "client_certificate",
        "client_private_key",
        "insecure_skip_verify",
        "server_name",
        "timeout",
    )

    def __init__(self, etcd_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.etcd_conn_id = etcd_conn_id

    def get_config(self) -> EtcdConfig:
        """
        Read the connection.

        :raises InvalidConfigurationError: a field that can't be meant, by its name.
        """
        connection = self.get_connection(self.etcd_conn_id)
        fields = Fields(self.etcd_conn_id, connection.extra_dejson, self.FIELDS)
        if connection.password:
            mask_secret(connection.password)
        ca = fields.pem("ca_certificate")
        certificate = fields.pem("client_certificate")
        insecure = fields.flag("insecure_skip_verify")
        server_name = fields.text("server_name")
        host = fields.text("endpoints") or self._with_port(connection.host or "", connection.port)
        try:
            return EtcdConfig(
                endpoints=parse_endpoints(
                    host, default_scheme="https" if ca or certificate or insecure or server_name else "http"
                ),
                user=connection.login or None,
                password=connection.password or None,
                ca_cert=ca,
                client_cert=certificate,
                client_key=fields.pem("client_private_key", secret=True),
                insecure_skip_verify=insecure,
                server_name=server_name,
                timeout=fields.number("timeout") or _DEFAULT_TIMEOUT,
            )
        except InvalidConfigurationError as error:
            raise InvalidConfigurationError(f"Connection {self.etcd_conn_id!r}: {error}") from error

    @staticmethod
    def _with_port(host: str, port: int | None) -> str:
        """Give the entries without a port the connection's port; in a URI the last entry's port lands there."""
        if not port:
            return host
        entries = [entry.strip() for entry in host.split(",") if entry.strip()]
        return ",".join(
            entry if entry.split("://")[-1].rpartition("]")[2].count(":") else f"{entry}:{port}"
            for entry in entries
        )

    def get_conn(self) -> EtcdClient:
        """
        Give a client, to be used as a context manager: ``members()``, ``status()``, ``health()``, ``alarms()``,
        ``hash_kv()``, ``count_keys()``, ``snapshot()``.
        """
        from airflow_provider_stash.etcd.client import EtcdClient

        return EtcdClient(self.get_config())

    def test_connection(self) -> tuple[bool, str]:
        """Answer the Test button: whether etcd answers, and whether a backup could be taken."""
        from dataclasses import replace

        from airflow_provider_stash.etcd.client import EtcdClient

        try:
            config = self.get_config()
            with EtcdClient(replace(config, timeout=min(config.timeout, _TEST_TIMEOUT))) as client:
                return self._test(client)
        except StashError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001 - the button shows a sentence, never a trace
            return False, f"The connection {self.etcd_conn_id!r} can't be used: {error}"

    @staticmethod
    def _test(client: EtcdClient) -> tuple[bool, str]:
        keys = client.count_keys()
        status = client.status()
        alive = [member for member in status if member.alive]
        leader = next((member.name or member.endpoint for member in alive if member.is_leader), "none")
        size = human_size(max((member.db_size for member in alive), default=0))
        versions = ", ".join(sorted({member.version for member in alive}))
        parts = []
        parts.append(
            f"{len(alive)} of {len(status)} members answer: etcd {versions}, leader {leader}, "
            f"revision {keys.revision}, {keys.keys} keys, {size}."
        )
        parts += [f"Not answering: {member.error}" for member in status if not member.alive]
        try:
            parts += [f"Alarm {alarm.alarm} on member {alarm.member_id}." for alarm in client.alarms()]
            client.hash_kv(client.config.endpoints[0], 1)
        except EtcdPermissionError as error:
            return False, f"{parts[0]} But a snapshot is denied: {error}"
        except EtcdError:
            pass  # revision 1 may be compacted; it was allowed to ask
        return True, " ".join(parts)
