"""The DAG files of docs/moving-from-stash.md, with the cluster and the directory of the tests."""

import os

from airflow_provider_stash.dags import ManifestSettings
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from testbed.dags.etcd_restore import description
from tests.integration.airflow.moving_page import NAMESPACE, Page

_settings = ManifestSettings(
    workloads={
        f"{NAMESPACE}/etcd-appbinding": ProcessWorkload(
            [ProcessMember(**member) for member in description["members"]],
            etcd_tools=description["etcd_tools"],
            start_timeout=15,
        )
    },
    restore={
        "work_dir": description["work_dir"],
        "etcd_tools": description["etcd_tools"],
        "health_timeout": 30,
    },
)
_manifests = os.environ["STASH_TEST_MOVING"]
_told = 'dags_from_manifests("/opt/airflow/stash")'
for _block in Page().python:
    if "dags_from_manifests" in _block:
        assert _told in _block
        _block = _block.replace(_told, "dags_from_manifests(_manifests, settings=_settings)")
    exec(_block)
