"""Restores into a bare Pod, which is recreated from its own manifest."""

import pytest

from airflow_provider_stash.exceptions import StashError
from airflow_provider_stash.workloads.params import workload_from_params
from tests.kubernetes.pages import role
from tests.kubernetes.restore.etcd_in_cluster import EtcdPod


def test_all_keys_back_in_a_bare_pod_and_the_way_back(namespace, restore_of, tmp_path):
    params = {"workloadKind": "Pod", "workloadName": "etcd", "dataDir": "/var/run/etcd"}
    restore = restore_of(namespace, workload_from_params(params), role("airflow-stash-restore-pod")["rules"])
    etcd = EtcdPod(namespace.api, namespace.name, tmp_path)
    etcd.wait_healthy()
    etcd.fill(100)
    before = etcd.all_keys()
    restore.back_up(etcd)
    etcd.delete()
    etcd.fill(5, prefix="/later/")
    now = etcd.all_keys()
    old = etcd.pods()[0]

    # First with a Job that fails: the Pod comes back with its old data.
    etcd.sh("etcd", f"mkdir -p /var/run/etcd/.stash && touch /var/run/etcd/.stash/{restore.key}")
    plan = restore.fetch(etcd)
    restore.workload.stop(key=restore.key)
    assert etcd.pods() == []
    with pytest.raises(StashError, match="NotADirectoryError"):
        restore.fill(plan)
    assert restore.roll_back(etcd)["healthy"] is True
    assert etcd.all_keys() == now

    etcd.sh("etcd", f"rm /var/run/etcd/.stash/{restore.key}")
    restore.run(etcd)
    assert etcd.all_keys() == before
    new = etcd.pods()[0]
    assert new.metadata.uid != old.metadata.uid
    assert new.metadata.labels == old.metadata.labels
    assert new.spec.containers[0].command == old.spec.containers[0].command
