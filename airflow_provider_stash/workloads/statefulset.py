"""Members that are the Pods of a StatefulSet."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_stash.exceptions import InvalidConfigurationError, WorkloadError
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError, call
from airflow_provider_stash.kubernetes.manifests import PREFIX
from airflow_provider_stash.kubernetes.selectors import selects
from airflow_provider_stash.workloads.base import UNTOUCHED
from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload
from airflow_provider_stash.workloads.member_jobs import MemberPlace
from airflow_provider_stash.workloads.permissions import Permission, require_permissions
from airflow_provider_stash.workloads.pod_template import EtcdPod
from airflow_provider_stash.workloads.pod_waits import is_ready
from airflow_provider_stash.workloads.restore_record import Record

_ANNOTATION = f"{PREFIX}/restore"
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class StatefulSetWorkload(KubernetesWorkload):
    """
    An etcd cluster whose members are the Pods of a StatefulSet, each with its own PersistentVolumeClaim.

    How far a restore has come is written into an annotation of the StatefulSet, in the same change as the
    number of its replicas.
    """

    @property
    def kind(self) -> str:
        return "StatefulSet"

    @property
    def permissions(self) -> Sequence[Permission]:
        return (
            Permission("get", "apps", "statefulsets", self.name),
            Permission("patch", "apps", "statefulsets", self.name),
            Permission("list", "autoscaling", "horizontalpodautoscalers"),
            Permission("list", "policy", "poddisruptionbudgets"),
            Permission("get", "", "services"),
        )

    def pod_spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self._read()["spec"]["template"]["spec"]
        return spec

    def replicas(self) -> int:
        return int(self._read()["spec"].get("replicas") or 0)

    def places(self, etcd: EtcdPod) -> list[MemberPlace]:
        owner = self._read()
        template = self._claim_template(owner, etcd)
        nodes = {pod["metadata"]["name"]: pod["spec"].get("nodeName") for pod in self.pods()}
        first = int((owner["spec"].get("ordinals") or {}).get("start") or 0)
        pods = [f"{self.name}-{ordinal}" for ordinal in range(first, first + len(etcd.peer_urls))]
        return [
            MemberPlace(member_of(pod, etcd.peer_urls, str(self)), pod, f"{template}-{pod}", nodes.get(pod))
            for pod in pods
        ]

    def _claim_template(self, owner: Mapping[str, Any], etcd: EtcdPod) -> str:
        name = str(etcd.mount["name"])
        if name not in {one["metadata"]["name"] for one in owner["spec"].get("volumeClaimTemplates") or ()}:
            raise InvalidConfigurationError(
                f"{self}: {etcd.data_dir} lies on the volume {name!r}, which is of no volumeClaimTemplate: its data is "
                f"gone with the Pod, or is shared by all. {UNTOUCHED}"
            )
        return name

    def pods(self) -> list[dict[str, Any]]:
        from kubernetes.client import CoreV1Api

        owner = self._read()
        labels = (owner["spec"]["selector"].get("matchLabels") or {}).items()
        selector = ",".join(f"{key}={value}" for key, value in labels)  # coarse: owners tell which they are
        found = call(
            CoreV1Api(self._client()).list_namespaced_pod, self._namespace(), label_selector=selector
        )
        uid = owner["metadata"]["uid"]
        return [
            pod
            for pod in found["items"]
            if any(one["uid"] == uid for one in pod["metadata"].get("ownerReferences") or ())
        ]

    def end(self, pods: Sequence[Mapping[str, Any]]) -> None:
        from kubernetes.client import CoreV1Api

        if not pods or not _one_by_one(self._read()):
            return
        # Its controller ends one after another, and first waits until the one whose turn it is has become ready.
        delete = CoreV1Api(self._client()).delete_namespaced_pod
        for pod in pods:
            metadata = pod["metadata"]
            if not is_ready(pod) and "deletionTimestamp" not in metadata:
                only_it = {"preconditions": {"uid": metadata["uid"]}}
                with contextlib.suppress(NotFoundError, ConflictError):
                    call(delete, metadata["name"], self._namespace(), body=only_it)

    def check_object(self, etcd: EtcdPod) -> list[str]:
        owner = self._read()
        spec, replicas = owner["spec"], int(owner["spec"].get("replicas") or 0)
        if "deletionTimestamp" in owner["metadata"]:
            raise WorkloadError(f"{self} is being deleted. {UNTOUCHED}")
        if replicas not in {0, len(etcd.peer_urls)}:
            raise WorkloadError(
                f"{self} has {replicas} replicas, and initial_cluster names {len(etcd.peer_urls)} members: "
                f"{', '.join(etcd.peer_urls)}. Correct one of them. {UNTOUCHED}"
            )
        if (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled") == "Delete":
            raise WorkloadError(
                f"{self} deletes its claims when it is scaled down: set "
                f"persistentVolumeClaimRetentionPolicy.whenScaled to Retain. {UNTOUCHED}"
            )
        probe = etcd.waits_for_peers
        if _one_by_one(owner) and len(etcd.peer_urls) > 1 and probe:
            raise WorkloadError(
                f"{self} starts its Pods one after another (podManagementPolicy OrderedReady), and the first would "
                f"never be ready: its {probe} asks etcd, which answers only when most members run. Make that probe a "
                "tcpSocket, or recreate the StatefulSet with podManagementPolicy Parallel (kubectl delete statefulset "
                f"{self.name} --cascade=orphan, then apply it). {UNTOUCHED}"
            )
        if _one_by_one(owner):
            ends = [Permission("delete", "", "pods", one.pod) for one in self.places(etcd)]
            require_permissions(self._client(), self._namespace(), ends)
        if probe and len(etcd.peer_urls) > 1:
            self._check_names(str(spec.get("serviceName") or ""), etcd, probe)
        return [*self._manager_warnings(owner), *self._autoscaler_warnings(), *self._budget_warnings(owner)]

    def _check_names(self, service: str, etcd: EtcdPod, probe: str) -> None:
        """Refuse where members that start all anew would wait for each other's names for ever."""
        from kubernetes.client import CoreV1Api

        hosts = {urlsplit(url).hostname or "" for urls in etcd.peer_urls.values() for url in urls}
        if service not in {host.split(".")[1] for host in hosts if "." in host}:
            return  # their names are not those that this Service gives
        found = call(CoreV1Api(self._client()).read_namespaced_service, service, self._namespace())
        if not found["spec"].get("publishNotReadyAddresses"):
            raise WorkloadError(
                f"{self}: its {probe} asks etcd, which answers only when most members run, and Service {service} names "
                "only Pods that are ready: once all are stopped, no member would find another again. Set its "
                f"publishNotReadyAddresses to true. {UNTOUCHED}"
            )

    def _manager_warnings(self, owner: Mapping[str, Any]) -> list[str]:
        return [
            f"{self} belongs to {one['kind']} {one['name']}: its operator may scale it up again. Pause it for the time "
            "of the restore; when it does so, the restore is rolled back."
            for one in owner["metadata"].get("ownerReferences") or ()
            if one.get("controller")
        ]

    def _autoscaler_warnings(self) -> list[str]:
        from kubernetes.client import AutoscalingV1Api

        list_them = AutoscalingV1Api(self._client()).list_namespaced_horizontal_pod_autoscaler
        return [
            f"HorizontalPodAutoscaler {one['metadata']['name']} scales {self}. Kubernetes pauses it while there are 0 "
            "replicas, and it acts again afterwards: an etcd cluster's members are not to be autoscaled."
            for one in call(list_them, self._namespace())["items"]
            if (target := one["spec"]["scaleTargetRef"])["kind"] == "StatefulSet"
            and target["name"] == self.name
        ]

    def _budget_warnings(self, owner: Mapping[str, Any]) -> list[str]:
        from kubernetes.client import PolicyV1Api

        labels = owner["spec"]["template"]["metadata"].get("labels") or {}
        list_them = PolicyV1Api(self._client()).list_namespaced_pod_disruption_budget
        try:
            budgets = call(list_them, self._namespace())["items"]
        except NotFoundError:  # a list is there, or it is no kind of this cluster
            unknown = (
                f"Whether a PodDisruptionBudget covers {self} is not known: this cluster serves none of policy/v1, as "
                "Kubernetes does from 1.21. It would not hold up this restore."
            )
            return [unknown]
        return [
            f"PodDisruptionBudget {one['metadata']['name']} covers {self}: it holds up evictions, not this "
            "restore's stop; while the Pods are down, drains of nodes that it guards may wait."
            for one in budgets
            if selects(one["spec"].get("selector"), labels)
        ]

    def who_manages(self) -> str:
        metadata = self._read()["metadata"]
        owners = [f"{one['kind']} {one['name']}" for one in metadata.get("ownerReferences") or ()]
        managers = {one.get("manager") for one in metadata.get("managedFields") or () if _sets_replicas(one)}
        named = [*owners, *sorted(f"field manager {one}" for one in managers if one)]
        return ", ".join(named) or "its metadata names nobody"

    # --- record -----------------------------------------------------------------------------------

    def record(self) -> Record | None:
        return Record.load((self._read()["metadata"].get("annotations") or {}).get(_ANNOTATION))

    def write(self, record: Record, *, replicas: int | None = None) -> None:
        from kubernetes.client import AppsV1Api

        body: dict[str, Any] = {"metadata": {"annotations": {_ANNOTATION: record.dump()}}}
        if replicas is not None:
            body["spec"] = {"replicas": replicas}
        patch = AppsV1Api(self._client()).patch_namespaced_stateful_set
        for _ in range(_TRIES):
            try:
                call(patch, self.name, self._namespace(), body)
            except ConflictError:
                continue
            return
        raise WorkloadError(f"{self} is changed by something else all the time ({self.who_manages()}).")

    def _read(self) -> dict[str, Any]:
        from kubernetes.client import AppsV1Api

        return call(AppsV1Api(self._client()).read_namespaced_stateful_set, self.name, self._namespace())


def member_of(pod: str, peer_urls: Mapping[str, Sequence[str]], where: str) -> str:
    """
    Find the member that a Pod is: of the Pod's name, else the one whose peer URLs name the Pod as their host.

    :raises InvalidConfigurationError: there is none.
    """
    if pod in peer_urls:
        return pod
    for member, urls in peer_urls.items():
        if any((urlsplit(url).hostname or "").split(".")[0] == pod for url in urls):
            return member
    raise InvalidConfigurationError(
        f"{where}: initial_cluster names no member for Pod {pod}: {', '.join(peer_urls)}. {UNTOUCHED}"
    )


def _one_by_one(owner: Mapping[str, Any]) -> bool:
    return bool(owner["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady")


def _sets_replicas(managed: Mapping[str, Any]) -> bool:
    return "f:replicas" in ((managed.get("fieldsV1") or {}).get("f:spec") or {})
