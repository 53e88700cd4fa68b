"""Backs up the etcd cluster of the connection etcd_default every hour, to the repository of restic_default."""

from airflow_provider_stash.dags import etcd_backup_dag

dag = etcd_backup_dag(
    "example_etcd_backup",
    etcd_conn_id="etcd_default",
    repository_conn_id="restic_default",
    schedule="@hourly",
    retention_policy={"keepLast": 5, "keepDaily": 7, "keepWeekly": 4, "prune": True},
    # Read a seventh of the data each day, so that all of it is verified within a week.
    read_data_subset="rotate/7",
    # Seen for the first time it waits for you to turn it on.
    paused=True,
)
