"""The clusters that the page shows: one that is well, one whose backups fail, one that is paused; and a DAG of another kind."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param

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
    check=False,
)
params = {
    "full": False,
    "limit": 10,
    "share": 0.5,
    "name": "all",
    "since": None,
    "labels": {"a": [1]},
    "only": ["a", 2],
    "ports": Param([1], type="array", items={"type": "integer"}),
    "either": Param("a", type=["integer", "string"]),
    "sure": Param(type="boolean"),
}
with DAG("of_another_kind", schedule=None, params=params) as other:
    EmptyOperator(task_id="nothing")
