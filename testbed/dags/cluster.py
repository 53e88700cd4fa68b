"""The backup and restore DAGs of a testbed cluster: demo, tests and benchmarks run them."""

import json
import os
from pathlib import Path
from typing import Any

from airflow_provider_stash.dags import Metrics, etcd_backup_dag, etcd_restore_dag
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

description = json.loads(Path(os.environ["STASH_TESTBED_CLUSTER"]).read_text())
connections: dict[str, Any] = {"etcd_conn_id": "testbed_etcd", "repository_conn_id": "testbed_repository"}
metrics = Metrics(pushgateway_conn_id="testbed_pushgateway") if description["pushgateway"] else None

backup = etcd_backup_dag(
    "etcd_backup",
    schedule=description["schedule"],
    retention_policy={"keepLast": 5, "prune": True},
    hash_kv=True,
    metrics=metrics,
    **connections,
)
restore = etcd_restore_dag(
    "etcd_restore",
    workload=ProcessWorkload(
        [ProcessMember(**member) for member in description["members"]],
        etcd_tools=description["etcd_tools"],
        start_timeout=15,
    ),
    work_dir=description["work_dir"],
    etcd_tools=description["etcd_tools"],
    health_timeout=30,
    metrics=metrics,
    **connections,
)
