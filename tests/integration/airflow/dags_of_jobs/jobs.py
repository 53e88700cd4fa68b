"""A cluster's backup by Jobs, deferred and not; and steps that go on until they are ended."""

import json
import os
from dataclasses import replace

from airflow.sdk import DAG

from airflow_provider_stash.dags import etcd_backup_dag
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.etcd import EtcdWaitOperator
from airflow_provider_stash.operators.hook import StashHookOperator
from airflow_provider_stash.workloads.target_pod import TargetPod

held = KubernetesJob(**json.loads(os.environ["STASH_TEST_JOB"]))
places = {"held": held, "deferred": replace(held, deferrable=True)}
backups = [
    etcd_backup_dag(
        f"backup_{name}",
        etcd_conn_id="etcd_default",
        repository_conn_id="restic_default",
        retention_policy={"keepLast": 2},
        execution=place,
        one_task=name == "held",
        pre_backup=[
            StashHookOperator(
                task_id="in_the_pod",
                phase="preBackup",
                handler={"exec": {"command": ["/bin/sh", "-c", "echo hello from $(hostname)"]}},
                target_pod=TargetPod("Pod", "etcd"),
            )
        ]
        if name == "held"
        else [],
    )
    for name, place in places.items()
]

with DAG("waits", schedule=None, is_paused_upon_creation=False) as waits:
    for name, place in places.items():
        EtcdWaitOperator(
            task_id=name,
            etcd_conn_id="etcd_nowhere",
            timeout=3600,
            poke_interval=0.5,
            execution=place,
        )
