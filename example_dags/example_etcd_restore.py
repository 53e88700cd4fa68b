"""Restores a single-host etcd, run by systemd on the host of the Airflow worker; triggered by hand."""

from airflow_provider_stash.dags import etcd_restore_dag
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

dag = etcd_restore_dag(
    "example_etcd_restore",
    etcd_conn_id="etcd_default",
    repository_conn_id="restic_default",
    workload=ProcessWorkload(
        [
            ProcessMember(
                name="default",
                data_dir="/var/lib/etcd/default",
                peer_urls="http://localhost:2380",
                stop=["systemctl", "stop", "etcd"],
                start=["systemctl", "start", "etcd"],
            )
        ]
    ),
    # A person sees what will be lost, and is asked, before anything is stopped.
    approval=True,
)
