"""The DAGs of a directory of manifests: see tests/integration/manifests/conftest.py."""

import json
import os
from pathlib import Path

from airflow_provider_stash.dags import ManifestSettings, dags_from_manifests
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

described = json.loads(Path(os.environ["STASH_TEST_WORKLOADS"]).read_text())
globals().update(
    dags_from_manifests(
        os.environ["STASH_TEST_MANIFESTS"],
        settings=ManifestSettings(
            workloads={
                name: ProcessWorkload(
                    [ProcessMember(**member) for member in members],
                    etcd_tools=described["etcd_tools"],
                    start_timeout=15,
                )
                for name, members in described["workloads"].items()
            },
            restore={
                "work_dir": described["work_dir"],
                "etcd_tools": described["etcd_tools"],
                "health_timeout": 30,
                "rehearse": False,  # ../steps does; a second a restore
            },
        ),
    )
)
