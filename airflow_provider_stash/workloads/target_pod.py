"""The pod that a hook is about, and how it is found in its cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, KubernetesError
from airflow_provider_stash.kubernetes.api import NotFoundError, call
from airflow_provider_stash.kubernetes.running_pod import RunningPod
from airflow_provider_stash.workloads.pod import PodWorkload
from airflow_provider_stash.workloads.pod_waits import is_ready, wait_for
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload

_KINDS = ("Service", "StatefulSet", "Pod")
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class TargetPod:
    """
    Which pod: of the ready ones of an object, the one whose name comes first.

    :param kind: ``Service`` (Stash: that of the AppBinding's ``clientConfig``), ``StatefulSet``, or ``Pod`` itself.
    :param name: of that object.
    :param namespace: its namespace; None: the connection's, else that of the worker's own Pod, else ``default``.
    :param kubernetes_conn_id: the ``kubernetes`` connection.
    """

    kind: str
    name: str
    namespace: str | None = None
    kubernetes_conn_id: str = "kubernetes_default"

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise InvalidConfigurationError(
                f"TargetPod: kind is {self.kind!r}: give one of {', '.join(_KINDS)}."
            )
        if not self.name:
            raise InvalidConfigurationError(f"TargetPod: give the name of the {self.kind}.")

    def find(self, api_client: Any, namespace: str, *, timeout: float = _WAIT_SECONDS) -> RunningPod:
        """
        Find the pod; where none is ready, wait for one.

        :param api_client: a ``kubernetes.client.ApiClient``.
        :param namespace: where nothing else is said.
        :param timeout: seconds to wait.
        :raises KubernetesError: the object is not there, or the API denies a request.
        :raises WorkloadError: none is ready in time.
        :raises InvalidConfigurationError: it is a Service that has no pods of its own.
        """
        where = f"{self.kind} {self.namespace or namespace}/{self.name}"
        found: list[dict[str, Any]] = []

        def look() -> str:
            pods = self._pods(api_client, self.namespace or namespace, where)
            found[:] = filter(is_ready, pods)
            seen = ", ".join(f"{_name(pod)} is {_state(pod)}" for pod in sorted(pods, key=_name))
            return "" if found else f"no pod is ready ({seen or 'there is none'})"

        wait_for(where, look, timeout)
        return RunningPod(api_client, min(found, key=_name))

    def _pods(self, api_client: Any, namespace: str, where: str) -> list[dict[str, Any]]:
        try:
            if self.kind == "Service":
                return _behind_service(api_client, namespace, self.name)
            kind = StatefulSetWorkload if self.kind == "StatefulSet" else PodWorkload
            return kind(name=self.name, namespace=namespace, api_client=api_client).pods()
        except NotFoundError as error:
            raise KubernetesError(
                f"{where}, which the hook's pod is to be of, is not there. Correct its name where the hook says it "
                "(target_pod), or in the AppBinding's clientConfig.service."
            ) from error


def _behind_service(api_client: Any, namespace: str, name: str) -> list[dict[str, Any]]:
    from kubernetes.client import CoreV1Api

    core = CoreV1Api(api_client)
    selector = call(core.read_namespaced_service, name, namespace)["spec"].get("selector")
    if not selector:
        raise InvalidConfigurationError(
            f"Service {namespace}/{name} has no selector, so no pod is known to be behind it: name the StatefulSet "
            "or the Pod (target_pod)."
        )
    labels = ",".join(f"{key}={value}" for key, value in selector.items())
    pods: list[dict[str, Any]] = call(core.list_namespaced_pod, namespace, label_selector=labels)["items"]
    return pods


def _name(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["name"])


def _state(pod: Mapping[str, Any]) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "being deleted"
    phase = str((pod.get("status") or {}).get("phase") or "Unknown")
    return "running, but not ready" if phase == "Running" else phase.lower()
