"""The steps by themselves, in a DAG of your own: a nightly check that the newest backup can be restored from."""

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_provider_stash.operators.restic import (
    ResolveSnapshotOperator,
    ResticCheckOperator,
    ResticStatusOperator,
)
from airflow_provider_stash.sensors.etcd import EtcdHealthSensor

with DAG(
    "example_etcd_operators",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["stash", "etcd", "example"],
) as dag:
    healthy = EtcdHealthSensor(task_id="etcd_answers", deferrable=True)
    newest = ResolveSnapshotOperator(task_id="newest_snapshot", snapshot="latest")
    check = ResticCheckOperator(task_id="read_a_part", read_data_subset="rotate/7")
    status = ResticStatusOperator(task_id="status", check_task_id="read_a_part")
    [healthy, newest] >> check >> status
