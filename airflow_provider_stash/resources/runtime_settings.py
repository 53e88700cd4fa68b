"""How Stash's Jobs run: settings of their pods and containers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.model import Model


class NiceSettings(Model):
    """CPU priority."""

    adjustment: int | None = None


class IONiceSettings(Model):
    """Disk priority."""

    class_: int | None = Field(None, alias="class")
    class_data: int | None = None


class ContainerRuntimeSettings(Model):
    """Settings of a Job's containers."""

    resources: Annotated[dict[str, Any], KubernetesType("V1ResourceRequirements")] = {}
    liveness_probe: Annotated[dict[str, Any], KubernetesType("V1Probe")] = {}
    readiness_probe: Annotated[dict[str, Any], KubernetesType("V1Probe")] = {}
    lifecycle: Annotated[dict[str, Any], KubernetesType("V1Lifecycle")] = {}
    security_context: Annotated[dict[str, Any], KubernetesType("V1SecurityContext")] = {}
    nice: NiceSettings | None = None
    ionice: IONiceSettings | None = None
    env_from: Annotated[list[dict[str, Any]], KubernetesType("list[V1EnvFromSource]")] = []
    env: Annotated[list[dict[str, Any]], KubernetesType("list[V1EnvVar]")] = []


class PodRuntimeSettings(Model):
    """Settings of a Job's pod."""

    pod_labels: dict[str, str] = {}
    pod_annotations: dict[str, str] = {}
    node_selector: dict[str, str] = {}
    service_account_name: str = ""
    service_account_annotations: dict[str, str] = {}
    automount_service_account_token: bool | None = None
    node_name: str = ""
    security_context: Annotated[dict[str, Any], KubernetesType("V1PodSecurityContext")] = {}
    image_pull_secrets: Annotated[list[dict[str, Any]], KubernetesType("list[V1LocalObjectReference]")] = []
    affinity: Annotated[dict[str, Any], KubernetesType("V1Affinity")] = {}
    scheduler_name: str = ""
    tolerations: Annotated[list[dict[str, Any]], KubernetesType("list[V1Toleration]")] = []
    priority_class_name: str = ""
    priority: int | None = None
    readiness_gates: Annotated[list[dict[str, Any]], KubernetesType("list[V1PodReadinessGate]")] = []
    runtime_class_name: str | None = None
    enable_service_links: bool | None = None
    topology_spread_constraints: Annotated[
        list[dict[str, Any]], KubernetesType("list[V1TopologySpreadConstraint]")
    ] = []


class RuntimeSettings(Model):
    """Settings of a Job."""

    pod: PodRuntimeSettings = PodRuntimeSettings()
    container: ContainerRuntimeSettings = ContainerRuntimeSettings()
