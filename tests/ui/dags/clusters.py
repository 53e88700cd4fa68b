"""The clusters that the page shows: one that is well, one whose backups fail, one that is paused; and a DAG of another kind."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_stash.dags import etcd_backup_dag
from testbed.dags.etcd_backup import dag as backup
from testbed.dags.etcd_backup import description
from testbed.dags.etcd_restore import dag as restore

__all__ = ["backup", "restore"]

failing = etcd_backup_dag(
    "etcd_backup_billing",
    etcd_conn_id="billing_etcd",
    repository_conn_id="billing_repository",
    schedule=description["schedule"],
    wait_timeout=1,
)
paused = etcd_backup_dag(
    "etcd_backup_staging",
    etcd_conn_id="staging_etcd",
    repository_conn_id="staging_repository",
    schedule=description["schedule"],
    paused=True,
)
with DAG("of_another_kind", schedule=None) as other:
    EmptyOperator(task_id="nothing")
