"""The restore DAG of a testbed cluster."""

import json
import os
from pathlib import Path

from airflow_provider_stash.dags import Metrics, etcd_restore_dag
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

description = json.loads(Path(os.environ["STASH_TESTBED_CLUSTER"]).read_text())

dag = etcd_restore_dag(
    "etcd_restore",
    etcd_conn_id="testbed_etcd",
    repository_conn_id="testbed_repository",
    workload=ProcessWorkload(
        [ProcessMember(**member) for member in description["members"]],
        etcd_tools=description["etcd_tools"],
        start_timeout=15,
    ),
    work_dir=description["work_dir"],
    etcd_tools=description["etcd_tools"],
    health_timeout=30,
    metrics=Metrics(pushgateway_conn_id="testbed_pushgateway") if description["pushgateway"] else None,
)
