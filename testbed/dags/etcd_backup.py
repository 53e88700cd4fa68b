"""The backup DAG of a testbed cluster."""

import json
import os
from pathlib import Path

from airflow_provider_stash.dags import Metrics, etcd_backup_dag

description = json.loads(Path(os.environ["STASH_TESTBED_CLUSTER"]).read_text())

dag = etcd_backup_dag(
    "etcd_backup",
    etcd_conn_id="testbed_etcd",
    repository_conn_id="testbed_repository",
    schedule=description["schedule"],
    retention_policy={"keepLast": 5, "prune": True},
    hash_kv=True,
    metrics=Metrics(pushgateway_conn_id="testbed_pushgateway") if description["pushgateway"] else None,
)
