"""What is refused before anything is stopped."""

import pytest

from airflow_provider_stash.exceptions import (
    InvalidConfigurationError,
    KubernetesPermissionError,
    WorkloadError,
)
from airflow_provider_stash.workloads.base import SnapshotSource
from airflow_provider_stash.workloads.pod import PodWorkload
from airflow_provider_stash.workloads.restore_record import Record
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from tests.kubernetes.pages import role
from tests.kubernetes.restore.conftest import Restore
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet
from tests.kubernetes.versions import need_version

KEY = "restore-1"
SOURCE = SnapshotSource("0" * 64, {}, {})
ASKS_ETCD = {"readinessProbe": {"exec": {"command": ["etcdctl", "endpoint", "health"]}}}


def without(rules, place, verb):
    less = [
        {**rule, "verbs": [one for one in rule["verbs"] if at != place or one != verb]}
        for at, rule in enumerate(rules)
    ]
    return [rule for rule in less if rule["verbs"]]  # a rule without a verb is refused


def check(workload):
    return workload.check(key=KEY, snapshot_size=1, etcd_version="", source=SOURCE)


@pytest.mark.parametrize("kind", [StatefulSetWorkload, PodWorkload])
def test_one_permission_less_is_named(own_namespace, kind, tmp_path):
    if kind is StatefulSetWorkload:  # which names the Pods that may have to be deleted
        EtcdStatefulSet(own_namespace.api, own_namespace.name, tmp_path, spec={"replicas": 0})
    rules = role(
        {StatefulSetWorkload: "airflow-stash-restore", PodWorkload: "airflow-stash-restore-pod"}[kind]
    )["rules"]
    permissions = [(place, verb) for place, rule in enumerate(rules) for verb in rule["verbs"]]
    for place, verb in permissions:
        rule = rules[place]
        client = own_namespace.client(without(rules, place, verb))
        workload = kind(name="etcd").connected(client, Restore.job, own_namespace.name)
        resource, _, subresource = rule["resources"][0].partition("/")
        group = f".{rule['apiGroups'][0]}" if rule["apiGroups"][0] else ""
        named = f"may not: {verb} {resource}{group}{'/' if subresource else ''}{subresource}"
        with pytest.raises(KubernetesPermissionError, match=named) as caught:
            check(workload)
        assert "Nothing was stopped" in str(caught.value)


@pytest.fixture
def workload(own_namespace):
    client = own_namespace.client(role("airflow-stash-restore")["rules"])
    return StatefulSetWorkload(name="etcd").connected(client, Restore.job, own_namespace.name)


@pytest.mark.parametrize(
    ("spec", "container", "words"),
    [
        ({}, ASKS_ETCD, "OrderedReady.*tcpSocket.*Parallel"),
        ({"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}, {}, "whenScaled to Retain"),
        ({"replicas": 2}, {}, "2 replicas, and initial_cluster names 3"),
    ],
)  # fmt: skip
def test_statefulsets_that_can_not_be_restored_so(own_namespace, workload, tmp_path, spec, container, words):
    if "persistentVolumeClaimRetentionPolicy" in spec:
        need_version(own_namespace.api, 27, "claims that go with their Pods")
    EtcdStatefulSet(
        own_namespace.api,
        own_namespace.name,
        tmp_path,
        spec={"replicas": 3, **spec},
        container={"image": "none:1", **container},
    )
    with pytest.raises(WorkloadError, match=f"{words}.*Nothing was stopped"):
        check(workload)


def test_members_that_would_never_find_each_other_again(own_namespace, workload, tmp_path):
    etcd = EtcdStatefulSet(
        own_namespace.api,
        own_namespace.name,
        tmp_path,
        spec={"replicas": 0, "podManagementPolicy": "Parallel"},
        container=ASKS_ETCD,
    )
    assert not any("Service" in one for one in workload.check_object(workload._etcd()))
    quiet = {"spec": {"publishNotReadyAddresses": False}}
    etcd.core.patch_namespaced_service("etcd", own_namespace.name, quiet)
    with pytest.raises(
        WorkloadError, match=r"Service etcd names only Pods that are ready.*Nothing was stopped"
    ):
        check(workload)


def test_data_on_no_claim_of_its_own(own_namespace, workload, tmp_path):
    pod = {"volumes": [{"name": "data", "emptyDir": {}}]}
    EtcdStatefulSet(
        own_namespace.api,
        own_namespace.name,
        tmp_path,
        spec={"volumeClaimTemplates": [], "replicas": 0},
        pod=pod,
    )
    with pytest.raises(InvalidConfigurationError, match="of no volumeClaimTemplate"):
        check(workload)


def test_another_restore_is_in_the_middle(own_namespace, workload, tmp_path):
    EtcdStatefulSet(own_namespace.api, own_namespace.name, tmp_path, spec={"replicas": 0})
    workload.write(Record("other", "stopped", 3))
    with pytest.raises(WorkloadError, match=r"in the middle of another restore \(other, stopped\)"):
        check(workload)
    with pytest.raises(WorkloadError, match="in the middle of another restore"):
        workload.stop(key=KEY)


def test_what_may_disturb_is_told(own_namespace, workload, tmp_path):
    from kubernetes.client import AutoscalingV1Api, PolicyV1Api

    need_version(own_namespace.api, 21, "policy/v1")
    etcd = EtcdStatefulSet(own_namespace.api, own_namespace.name, tmp_path, spec={"replicas": 0})
    AutoscalingV1Api(own_namespace.api).create_namespaced_horizontal_pod_autoscaler(own_namespace.name, {
        "metadata": {"name": "scaler"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "etcd"}, "maxReplicas": 5},
    })  # fmt: skip
    PolicyV1Api(own_namespace.api).create_namespaced_pod_disruption_budget(own_namespace.name, {
        "metadata": {"name": "budget"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "etcd"}}},
    })  # fmt: skip
    chosen = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["etcd", "other"]}]}
    PolicyV1Api(own_namespace.api).create_namespaced_pod_disruption_budget(own_namespace.name, {
        "metadata": {"name": "choosy"}, "spec": {"minAvailable": 2, "selector": chosen},
    })  # fmt: skip
    owner = etcd.core.create_namespaced_config_map(own_namespace.name, {"metadata": {"name": "demo"}})
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "demo",
        "uid": owner.metadata.uid,
        "controller": True,
    }
    etcd.apps.patch_namespaced_stateful_set(
        "etcd", own_namespace.name, {"metadata": {"ownerReferences": [reference]}}
    )
    warnings = workload.check_object(workload._etcd())
    assert len(warnings) == 4
    for words in (
        "belongs to ConfigMap demo",
        "HorizontalPodAutoscaler scaler",
        "PodDisruptionBudget budget",
        "PodDisruptionBudget choosy",
    ):
        assert any(words in one for one in warnings)
