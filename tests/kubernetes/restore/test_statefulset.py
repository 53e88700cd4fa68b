"""Restores into the StatefulSets of Stash's guides, as an account with exactly the docs' Role."""

import threading
import time

import pytest

from airflow_provider_stash.exceptions import StashError, WorkloadError
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.etcd_access import PASSWORD
from tests.kubernetes.pages import role
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet

pytestmark = pytest.mark.timeout(600)
RULES = role("airflow-stash-restore")["rules"]


@pytest.fixture(scope="module")
def cluster(namespace, tmp_path_factory):
    """With a probe: members that crash again and again are hardly ever ready."""
    probe = {"readinessProbe": {"tcpSocket": {"port": 2379}, "periodSeconds": 1}}
    directory = tmp_path_factory.mktemp("etcd")
    etcd = EtcdStatefulSet(namespace.api, namespace.name, directory, password=PASSWORD, container=probe)
    etcd.start()
    return etcd


@pytest.fixture
def etcd(cluster):
    cluster.delete("/")
    cluster.fill(100)
    return cluster


@pytest.fixture
def restore(namespace, restore_of):
    return restore_of(namespace, StatefulSetWorkload(name="etcd"), RULES)


def test_all_keys_back_in_the_statefulset_of_the_basic_auth_guide(etcd, restore, connections):
    connections(etcd)
    before = etcd.all_keys()
    assert restore.back_up_by_job()["keyCount"] == 100
    etcd.delete()
    etcd.fill(5, prefix="/later/")
    owners = etcd.sh("etcd-1", "stat -c %u:%g:%a /var/run/etcd/member")
    plan, verified = restore.run(etcd)
    assert etcd.all_keys() == before
    assert verified["keyCount"] == 100
    assert plan["lost"]["revisions"] == 2
    assert etcd.read().spec.replicas == 3
    assert etcd.sh("etcd-1", "stat -c %u:%g:%a /var/run/etcd/member") == owners
    assert "wal" in etcd.sh("etcd-1", f"ls /var/run/etcd/.stash/{restore.key}/old/member")
    # What was verified is neither undone nor repeated.
    assert not any(one["rolledBack"] for one in restore.roll_back(etcd)["members"])
    with pytest.raises(WorkloadError, match="trigger a new run"):
        restore.workload.stop(key=restore.key)
    etcd.sh("etcd-1", "mkdir -p /var/run/etcd/.stash/earlier/old")
    assert restore.clean_up() == [{"name": "etcd-1", "path": "/var/run/etcd/.stash/earlier"}]
    assert etcd.all_keys() == before


def restore_with_no_member_alive(etcd, restore):
    before = etcd.all_keys()
    etcd.break_all()
    plan, verified = restore.run(etcd)
    assert plan["live"]["alive"] == 0
    assert verified["keyCount"] == 100
    assert etcd.all_keys() == before
    assert etcd.read().spec.replicas == 3


def test_all_keys_back_in_the_statefulset_of_the_basic_auth_guide_with_no_member_alive(etcd, restore):
    restore.back_up(etcd)
    restore_with_no_member_alive(etcd, restore)


ASKS_ETCD = {
    "exec": {
        "command": [
            "/bin/sh", "-c", "ETCDCTL_API=3 etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/etcd-secret/ca.pem"
            " --cert /etc/etcd-secret/server.pem --key /etc/etcd-secret/server-key.pem endpoint health"
        ]
    },
    "periodSeconds": 2,
    "timeoutSeconds": 10,
}  # fmt: skip


def test_the_statefulset_of_the_tls_guide_on_good_days_and_bad(
    own_namespace, restore_of, connections, tmp_path
):
    """With podManagementPolicy Parallel, which bears a probe that asks etcd."""
    restore = restore_of(own_namespace, StatefulSetWorkload(name="etcd-tls"), [
        {**rule, "resourceNames": ["etcd-tls"]} if "resourceNames" in rule else rule for rule in RULES
    ])  # fmt: skip
    etcd = EtcdStatefulSet(
        own_namespace.api,
        own_namespace.name,
        tmp_path,
        name="etcd-tls",
        tls=True,
        spec={"podManagementPolicy": "Parallel"},
        container={"readinessProbe": ASKS_ETCD},
    )
    etcd.start()
    connections(etcd, own_namespace)
    etcd.fill(100)
    before = etcd.all_keys()
    assert restore.back_up_by_job()["keyCount"] == 100

    etcd.delete()
    etcd.fill(7, prefix="/later/")
    now = etcd.all_keys()
    plan = restore.fetch(etcd)
    restore.workload.stop(key=restore.key)
    restore.fill(plan)
    etcd.on_volume("data-etcd-tls-2", f"rm -r .stash/{restore.key}/new/member")
    with pytest.raises(WorkloadError, match="'etcd-tls-2' was not filled"):
        restore.workload.start(key=restore.key)
    result = restore.roll_back(etcd)
    assert (result["healthy"], [one["running"] for one in result["members"]]) == (True, [True] * 3)
    assert etcd.all_keys() == now
    assert etcd.read().spec.replicas == 3

    _, verified = restore.run(etcd)
    assert verified["keyCount"] == 100
    assert etcd.all_keys() == before
    restore.key = "restore-with-no-member-alive"
    restore_with_no_member_alive(etcd, restore)


def test_a_job_that_fails_is_rolled_back_and_the_old_data_served(etcd, restore):
    restore.back_up(etcd)
    etcd.fill(7, prefix="/later/")
    now = etcd.all_keys()
    # A file where member 1 would have its journal.
    etcd.sh("etcd-1", f"mkdir -p /var/run/etcd/.stash && touch /var/run/etcd/.stash/{restore.key}")
    plan = restore.fetch(etcd)
    restore.workload.stop(key=restore.key)
    assert etcd.pods() == []
    with pytest.raises(StashError, match="Member 'etcd-1'.*NotADirectoryError"):
        restore.fill(plan)
    result = restore.roll_back(etcd)
    assert result["healthy"] is True
    assert [one["running"] for one in result["members"]] == [True, True, True]
    assert etcd.all_keys() == now
    assert etcd.read().spec.replicas == 3

    # The same run again, from the start, once the cause is gone; now the last Job of all fails.
    etcd.sh("etcd-1", f"rm /var/run/etcd/.stash/{restore.key}")
    restore.workload.stop(key=restore.key)
    restore.fill(plan)
    etcd.on_volume("data-etcd-1", f"rm -r .stash/{restore.key}/new/member")
    with pytest.raises(WorkloadError, match="'etcd-1' was not filled"):
        restore.workload.start(key=restore.key)
    assert etcd.pods() == []
    result = restore.roll_back(etcd)
    assert result["healthy"] is True
    assert "etcd-1" not in [one["name"] for one in result["members"] if one["rolledBack"]]
    assert etcd.all_keys() == now
    assert not any(one["rolledBack"] for one in restore.roll_back(etcd)["members"])


def test_an_operator_that_scales_up_again_is_named_and_the_restore_rolled_back(etcd, restore):
    restore.back_up(etcd)
    now = etcd.all_keys()
    plan = restore.fetch(etcd)
    stop = threading.Event()

    def operator():
        while not stop.is_set():
            if etcd.read().spec.replicas == 0:
                body = {"spec": {"replicas": 3}}
                etcd.apps.patch_namespaced_stateful_set(
                    "etcd", etcd.namespace, body, field_manager="etcd-operator"
                )
                return
            time.sleep(0.05)

    fights = threading.Thread(target=operator)
    fights.start()
    with pytest.raises(WorkloadError, match="something has started it again"):
        restore.workload.stop(key=restore.key)
        fights.join()
        restore.fill(plan)
    stop.set()
    assert restore.roll_back(etcd)["healthy"] is True
    assert etcd.all_keys() == now
