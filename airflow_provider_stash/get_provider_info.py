"""What Airflow is told of this provider: its connections' forms, and where its classes are."""

from __future__ import annotations

from typing import Any

from airflow_provider_stash import __version__

_PACKAGE = "airflow_provider_stash"


def get_provider_info() -> dict[str, Any]:
    """Give the provider's metadata (Airflow's ``provider_info.schema.json``)."""
    return {
        "package-name": "airflow-provider-stash",
        "name": "Stash for etcd",
        "description": "Back up etcd clusters to restic repositories, and restore them: AppsCode Stash, as DAGs.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": "etcd", "external-doc-url": "https://etcd.io/", "tags": ["service"]},
            {"integration-name": "restic", "external-doc-url": "https://restic.net/", "tags": ["software"]},
        ],
        "hooks": [
            {"integration-name": "etcd", "python-modules": [f"{_PACKAGE}.hooks.etcd"]},
            {"integration-name": "restic", "python-modules": [f"{_PACKAGE}.hooks.restic"]},
        ],
        "operators": [
            {
                "integration-name": "etcd",
                "python-modules": [
                    f"{_PACKAGE}.operators.etcd",
                    f"{_PACKAGE}.operators.restore",
                    f"{_PACKAGE}.operators.metrics",
                    f"{_PACKAGE}.operators.stash_task",
                    f"{_PACKAGE}.operators.watchdog",
                ],
            },
            {
                "integration-name": "restic",
                "python-modules": [f"{_PACKAGE}.operators.restic", f"{_PACKAGE}.operators.maintenance"],
            },
        ],
        "sensors": [{"integration-name": "etcd", "python-modules": [f"{_PACKAGE}.sensors.etcd"]}],
        "triggers": [{"integration-name": "etcd", "python-modules": [f"{_PACKAGE}.triggers.etcd"]}],
        "cli": [f"{_PACKAGE}.cli.definition.get_stash_cli_commands"],
        "extra-links": [
            f"{_PACKAGE}.operators.links.{name}"
            for name in ("RepositoryLink", "SnapshotLink", "BackupRunLink", "MetricsLink")
        ],
        "connection-types": [_etcd_connection(), _restic_connection()],
    }


def _etcd_connection() -> dict[str, Any]:
    pem = "PEM text, or the absolute path of a file on the worker."
    return {
        "connection-type": "etcd",
        "hook-class-name": f"{_PACKAGE}.hooks.etcd.EtcdHook",
        "hook-name": "etcd",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "extra"],
            "relabeling": {"host": "Endpoints", "port": "Port", "login": "User", "password": "Password"},
            "placeholders": {
                "host": "https://etcd-0.example.com:2379,https://etcd-1.example.com:2379",
                "port": "2379, for endpoints that name none",
                "login": "a user with the root role; empty without authentication",
            },
        },
        "conn-fields": {
            "ca_certificate": _multiline("CA certificate", f"Who signed the members' certificates. {pem}"),
            "client_certificate": _multiline("Client certificate", f"Where members ask for one. {pem}"),
            "client_private_key": _password("Client private key", f"Of the client certificate. {pem}"),
            "insecure_skip_verify": _flag(
                "Skip verification", "Take any server certificate. For a trial only: anyone could answer."
            ),
            "server_name": {
                "label": "Server name",
                "description": "Name that the members' certificates hold, where it is not the endpoint's: behind a "
                "tunnel, or by an address.",
                "schema": {"type": ["string", "null"]},
            },
            "timeout": {
                "label": "Time-out",
                "description": "Seconds for one request to one endpoint. Default: 5.",
                "schema": {"type": ["number", "null"], "minimum": 0.1},
            },
        },
    }


def _restic_connection() -> dict[str, Any]:
    return {
        "connection-type": "restic",
        "hook-class-name": f"{_PACKAGE}.hooks.restic.ResticHook",
        "hook-name": "restic repository",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "login", "port", "extra"],
            "relabeling": {"host": "Repository", "password": "Repository password"},
            "placeholders": {
                "host": "s3:https://s3.example.com/bucket/prefix, rest:https://..., gs:bucket:/prefix or /srv/restic",
                "password": "without it the backups are lost: keep it in a second place too",
            },
        },
        "conn-fields": {
            "storage_secret": _password(
                "Storage credentials",
                "KEY=value lines, JSON, or a Kubernetes Secret as Stash uses it: AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY, GOOGLE_SERVICE_ACCOUNT_JSON_KEY, AZURE_ACCOUNT_NAME, B2_ACCOUNT_ID, "
                "REST_SERVER_USERNAME, OS_..., ST_...",
            ),
            "aws_conn_id": _text(
                "AWS connection",
                "For S3: take credentials, region and endpoint from this aws connection instead.",
            ),
            "region": _text("S3 region", "Where the store asks for one."),
            "ca_certificate": _multiline(
                "CA certificate",
                "Of the store's certificate: PEM text, or the absolute path of a file on the worker.",
            ),
            "client_private_key": _password(
                "Client certificate and key", "PEM of both, for a store that asks for a client certificate."
            ),
            "insecure_tls": _flag(
                "Skip verification", "Take any certificate of the store. For a trial only."
            ),
            "max_connections": _whole("Connections", "To the store at a time. Default: restic's, 5."),
            "limit_upload": _whole("Upload limit", "KiB/s. Default: none."),
            "limit_download": _whole("Download limit", "KiB/s. Default: none."),
            "cache_dir": _text(
                "Cache directory", "On the worker. Default: restic's own, in the user's home."
            ),
            "no_cache": _flag("No cache", "For workers whose disk does not last."),
            "restic_path": _text("restic program", "Default: restic on the worker's PATH."),
        },
    }


def _field(label: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema}


def _text(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, {"type": ["string", "null"]})


def _multiline(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, {"type": ["string", "null"], "format": "multiline"})


def _password(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, {"type": ["string", "null"], "format": "password"})


def _flag(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, {"type": "boolean", "default": False})


def _whole(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, {"type": ["integer", "null"], "minimum": 1})
