"""The demo's DAGs with --ui: the cluster that it backs up and restores, and one whose backup somebody has paused."""

from airflow_provider_stash.dags import etcd_backup_dag
from testbed.dags.etcd_backup import dag as backup
from testbed.dags.etcd_restore import dag as restore

__all__ = ["backup", "forgotten", "restore"]

forgotten = etcd_backup_dag(
    "etcd_backup_payments",
    etcd_conn_id="payments_etcd",
    repository_conn_id="payments_repository",
    schedule="@hourly",
    retention_policy={"keepLast": 5, "prune": True},
    paused=True,
)
