"""Restores into the StatefulSets of Stash's guides, as an account with exactly the docs' Role."""

import threading
import time

import pytest

from airflow_provider_stash.exceptions import StashError, WorkloadError
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.etcd_access import PASSWORD
from testbed.process import wait_until
from tests.kubernetes.pages import role
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet

RULES = role("airflow-stash-restore")["rules"]


@pytest.fixture(scope="module")
def cluster(namespace, tmp_path_factory):
    etcd = EtcdStatefulSet(namespace.api, namespace.name, tmp_path_factory.mktemp("etcd"), password=PASSWORD)
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


def test_all_keys_back_in_the_statefulset_of_the_basic_auth_guide(etcd, restore):
    before = etcd.all_keys()
    restore.back_up(etcd)
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


def test_all_keys_back_in_the_statefulset_of_the_tls_guide_with_no_member_alive(
    own_namespace, restore_of, tmp_path
):
    restore = restore_of(own_namespace, StatefulSetWorkload(name="etcd-tls"), [
        {**rule, "resourceNames": ["etcd-tls"]} if "resourceNames" in rule else rule for rule in RULES
    ])  # fmt: skip
    etcd = EtcdStatefulSet(own_namespace.api, own_namespace.name, tmp_path, name="etcd-tls", tls=True)
    etcd.start()
    etcd.fill(100)
    before = etcd.all_keys()
    restore.back_up(etcd)
    for name in etcd.names:
        etcd.sh(name, "for log in /var/run/etcd/member/wal/*.wal; do echo broken > $log; done; kill 1")
    etcd.wait_restarted()
    plan, verified = restore.run(etcd)
    assert plan["live"]["alive"] == 0
    assert verified["keyCount"] == 100
    assert etcd.all_keys() == before


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


def test_a_worker_that_is_killed_in_any_phase_and_its_task_tried_again(etcd, restore):
    restore.back_up(etcd)
    before = etcd.all_keys()
    etcd.delete()
    plan = restore.fetch(etcd)
    phases = [
        ("stop", [], lambda: not etcd.read().spec.replicas),
        ("fill", [restore.request(plan)], lambda: restore.jobs("fill_member")),
        ("start", [], lambda: restore.jobs("swap_member")),
        ("start", [], lambda: restore.workload.record().phase == "swapped"),
    ]
    for method, arguments, seen in phases:
        worker = restore.worker(method, *arguments)
        try:
            wait_until(seen, f"{method} has begun", 60)
        finally:
            worker.kill()
            worker.wait()
        getattr(restore.workload, method)(*arguments, key=restore.key)
    assert restore.verify(etcd, plan)["keyCount"] == 100
    assert etcd.all_keys() == before
