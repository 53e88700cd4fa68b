"""The DAGs of the manifests of Stash's guide: see tests/integration/airflow/local_manifests.py."""

import os

from airflow_provider_stash.dags import ManifestSettings, dags_from_manifests
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from testbed.dags.etcd_restore import description

workload = ProcessWorkload(
    [ProcessMember(**member) for member in description["members"]],
    etcd_tools=description["etcd_tools"],
    start_timeout=15,
)
nowhere = ["false"]  # what is asked for it is answered with no
elsewhere = ProcessMember(
    "m0", f"{description['work_dir']}/no-data", "http://127.0.0.1:1", stop=nowhere, start=nowhere
)
globals().update(
    dags_from_manifests(
        os.environ["STASH_TEST_MANIFESTS"],
        settings=ManifestSettings(
            workloads={
                "demo/etcd-appbinding": workload,
                "demo/etcd-elsewhere": ProcessWorkload([elsewhere], etcd_tools=description["etcd_tools"]),
            },
            restore={
                "work_dir": description["work_dir"],
                "etcd_tools": description["etcd_tools"],
                "health_timeout": 30,
            },
        ),
    )
)
