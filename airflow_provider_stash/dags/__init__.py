"""Factories: configuration in, DAGs out."""

from airflow_provider_stash.dags.backup import Metrics, etcd_backup, etcd_backup_dag
from airflow_provider_stash.dags.hooks import PostHook
from airflow_provider_stash.dags.restore import etcd_restore_dag
from airflow_provider_stash.dags.watchdog import backup_watchdog_dag

__all__ = ["Metrics", "PostHook", "backup_watchdog_dag", "etcd_backup", "etcd_backup_dag", "etcd_restore_dag"]
