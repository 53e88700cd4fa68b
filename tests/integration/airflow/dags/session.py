"""The DAGs of the testbed, and one that waits in the triggerer, takes its turn in a pool, and skips when it is late."""

import os
import time
from pathlib import Path

from airflow.providers.standard.operators.python import PythonOperator

from airflow_provider_stash.dags import etcd_backup_dag
from testbed.dags.etcd_backup import dag as backup
from testbed.dags.etcd_restore import dag as restore

__all__ = ["backup", "patient", "restore"]


def hold() -> None:
    """Keeps the run active for as long as the test wants."""
    while Path(os.environ["STASH_TEST_HOLD"]).exists():
        time.sleep(0.1)


patient = etcd_backup_dag(
    "etcd_backup_patient",
    etcd_conn_id="testbed_etcd",
    repository_conn_id="testbed_repository",
    schedule=None,
    deferrable=True,
    overlap="skip",
    pool="one_repository",
    wait_timeout=60,
    pre_backup=[PythonOperator(task_id="hold", python_callable=hold)],
)
