"""Restores into the StatefulSets of Stash's guides."""

from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.etcd_access import PASSWORD
from tests.kubernetes.restore.conftest import role
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet

RULES = role("airflow-stash-restore")


def test_all_keys_back_in_the_statefulset_of_the_basic_auth_guide(namespace, restore_of, tmp_path):
    restore = restore_of(StatefulSetWorkload(name="etcd"), RULES)
    etcd = EtcdStatefulSet(namespace.api, namespace.name, tmp_path, password=PASSWORD)
    etcd.start()
    etcd.fill(100)
    before = etcd.all_keys()
    restore.back_up(etcd)
    etcd.delete()
    etcd.fill(5, prefix="/later/")
    plan, verified = restore.run(etcd)
    assert etcd.all_keys() == before
    assert verified["keyCount"] == 100
    assert plan["lost"]["revisions"] == 2
    restore.clean_up()
