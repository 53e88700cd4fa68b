"""Factories: configuration in, DAGs out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_stash.dags.backup import etcd_backup, etcd_backup_dag
    from airflow_provider_stash.dags.backup_session import BackupSession
    from airflow_provider_stash.dags.hooks import PostHook
    from airflow_provider_stash.dags.manifest_session import ManifestSettings
    from airflow_provider_stash.dags.manifests import dags_from_manifests
    from airflow_provider_stash.dags.metrics import Metrics
    from airflow_provider_stash.dags.migrate import restic_migrate_dag
    from airflow_provider_stash.dags.restore import etcd_restore, etcd_restore_dag
    from airflow_provider_stash.dags.restore_session import RestoreForm, RestoreSession
    from airflow_provider_stash.dags.watchdog import backup_watchdog_dag

__all__ = [
    "BackupSession",
    "ManifestSettings",
    "Metrics",
    "PostHook",
    "RestoreForm",
    "RestoreSession",
    "backup_watchdog_dag",
    "dags_from_manifests",
    "etcd_backup",
    "etcd_backup_dag",
    "etcd_restore",
    "etcd_restore_dag",
    "restic_migrate_dag",
]

# A DAG file is read again when each of its tasks starts: it pays for the factories that it names, as with airflow.sdk.
_MODULES = {
    "BackupSession": "backup_session",
    "ManifestSettings": "manifest_session",
    "Metrics": "metrics",
    "PostHook": "hooks",
    "RestoreForm": "restore_session",
    "RestoreSession": "restore_session",
    "backup_watchdog_dag": "watchdog",
    "dags_from_manifests": "manifests",
    "etcd_backup": "backup",
    "etcd_backup_dag": "backup",
    "etcd_restore": "restore",
    "etcd_restore_dag": "restore",
    "restic_migrate_dag": "migrate",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
