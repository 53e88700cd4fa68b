"""A member that is a bare Pod: stopped by deleting it, started by creating it again from its own manifest."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, KubernetesError, WorkloadError
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError, call
from airflow_provider_stash.kubernetes.manifests import PREFIX
from airflow_provider_stash.workloads.base import UNTOUCHED
from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload
from airflow_provider_stash.workloads.member_jobs import MemberPlace
from airflow_provider_stash.workloads.permissions import Permission
from airflow_provider_stash.workloads.pod_template import EtcdPod
from airflow_provider_stash.workloads.pod_waits import wait_for
from airflow_provider_stash.workloads.restore_record import Record

_RECORD, _MANIFEST = "record", "manifest"
_MIRROR = "kubernetes.io/config.mirror"
_KEPT = ("name", "namespace", "labels", "annotations", "finalizers")


@dataclass(frozen=True, kw_only=True)
class PodWorkload(KubernetesWorkload):
    """
    An etcd of one member that runs in a bare Pod, on a PersistentVolumeClaim.

    Its manifest and how far a restore has come are kept in a Secret, as its variables may be secret.
    """

    @property
    def kind(self) -> str:
        return "Pod"

    @property
    def permissions(self) -> Sequence[Permission]:
        return (
            Permission("get", "", "pods", self.name),
            Permission("delete", "", "pods", self.name),
            Permission("create", "", "pods"),
            Permission("get", "", "secrets", self._secret_name),
            Permission("patch", "", "secrets", self._secret_name),
        )

    def pod_spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self._manifest()["spec"]
        return spec

    def replicas(self) -> int:
        pod = self._read()
        return 0 if pod is None or "deletionTimestamp" in pod["metadata"] else 1

    def pods(self) -> list[dict[str, Any]]:
        pod = self._read()
        return [] if pod is None else [pod]

    def places(self, etcd: EtcdPod) -> list[MemberPlace]:
        manifest, name = self._manifest(), str(etcd.mount["name"])
        if len(etcd.peer_urls) != 1:
            raise InvalidConfigurationError(
                f"{self} is one Pod, and initial_cluster names {len(etcd.peer_urls)} members: "
                f"{', '.join(etcd.peer_urls)}. Only a cluster of one member can be restored in a bare Pod. {UNTOUCHED}"
            )
        volume = next(one for one in manifest["spec"]["volumes"] if one["name"] == name)
        if "persistentVolumeClaim" not in volume:
            raise InvalidConfigurationError(
                f"{self}: {etcd.data_dir} lies on the volume {name!r}, which is no PersistentVolumeClaim. {UNTOUCHED}"
            )
        pod = self._read()
        node = pod["spec"].get("nodeName") if pod is not None else None
        return [
            MemberPlace(
                next(iter(etcd.peer_urls)), self.name, volume["persistentVolumeClaim"]["claimName"], node
            )
        ]

    def check_object(self, etcd: EtcdPod) -> list[str]:
        metadata = self._manifest()["metadata"]
        if _MIRROR in (metadata.get("annotations") or {}):
            raise WorkloadError(
                f"{self} is a static Pod, which its node starts again by itself: use a ProcessWorkload on that node. "
                f"{UNTOUCHED}"
            )
        pod = self._read()
        for owner in (pod or {"metadata": {}})["metadata"].get("ownerReferences") or ():
            if owner.get("controller"):
                raise WorkloadError(
                    f"{self} belongs to {owner['kind']} {owner['name']}, which would start it again: restore that one. "
                    f"{UNTOUCHED}"
                )
        return []

    # --- record -----------------------------------------------------------------------------------

    @property
    def _secret_name(self) -> str:
        return f"stash-restore-{self.name}"

    def record(self) -> Record | None:
        return Record.load(self._stored().get(_RECORD))

    def write(self, record: Record, *, replicas: int | None = None) -> None:
        from kubernetes.client import CoreV1Api

        manifest = json.dumps(recreatable(self._manifest()))
        data = {_RECORD: record.dump(), _MANIFEST: manifest}
        coded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
        core, namespace = CoreV1Api(self._client()), self._namespace()
        body = {
            "metadata": {"name": self._secret_name, "labels": {"app.kubernetes.io/name": PREFIX}},
            "data": coded,
        }
        try:
            call(core.create_namespaced_secret, namespace, body)
        except ConflictError:
            call(core.patch_namespaced_secret, self._secret_name, namespace, {"data": coded})
        if replicas == 0:
            with contextlib.suppress(NotFoundError):
                call(core.delete_namespaced_pod, self.name, namespace)
        elif replicas:
            wait_for(self, lambda: self._create(json.loads(manifest)), self.stop_timeout)

    def _create(self, manifest: dict[str, Any]) -> str:
        """Create the Pod, unless it is there; tells what has to be waited for before it can be."""
        from kubernetes.client import CoreV1Api

        try:
            call(CoreV1Api(self._client()).create_namespaced_pod, self._namespace(), manifest)
        except ConflictError:
            return "" if self.replicas() else f"the Pod {self.name} that was stopped is not gone"
        return ""

    def _manifest(self) -> dict[str, Any]:
        """Give the Pod; while there is none, as it was."""
        pod, stored = self._read(), self._stored().get(_MANIFEST)
        if pod is not None:
            return pod
        if stored is None:
            raise KubernetesError(f"{self} is not there, and no restore has kept its manifest.")
        manifest: dict[str, Any] = json.loads(stored)
        return manifest

    def _stored(self) -> dict[str, str]:
        from kubernetes.client import CoreV1Api

        try:
            secret = call(
                CoreV1Api(self._client()).read_namespaced_secret, self._secret_name, self._namespace()
            )
        except NotFoundError:
            return {}
        return {name: base64.b64decode(value).decode() for name, value in (secret.get("data") or {}).items()}

    def _read(self) -> dict[str, Any] | None:
        from kubernetes.client import CoreV1Api

        try:
            return call(CoreV1Api(self._client()).read_namespaced_pod, self.name, self._namespace())
        except NotFoundError:
            return None


def recreatable(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Give a Pod's manifest as it can be created: without what the cluster had filled in for that one Pod."""
    spec = copy.deepcopy(dict(pod["spec"]))
    for name in ("nodeName", "ephemeralContainers"):
        spec.pop(name, None)
    # The token volume that the cluster adds, and will add again.
    added = {one["name"] for one in spec.get("volumes") or () if one["name"].startswith("kube-api-access-")}
    if added:
        spec["volumes"] = [one for one in spec["volumes"] if one["name"] not in added]
        for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
            mounts = container.get("volumeMounts") or []
            container["volumeMounts"] = [one for one in mounts if one["name"] not in added]
    metadata = {name: pod["metadata"][name] for name in _KEPT if pod["metadata"].get(name)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
