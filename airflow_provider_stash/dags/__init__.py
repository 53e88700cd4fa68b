"""Factories: configuration in, DAGs out."""

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
