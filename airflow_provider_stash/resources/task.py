"""Task and Function: the steps of a backup or restore, as containers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.model import STASH_V1BETA1, ClusterObject, Model, Param
from airflow_provider_stash.resources.runtime_settings import ContainerRuntimeSettings


class FunctionRef(Model):
    """One step: a Function by its name, with parameters."""

    name: str
    params: list[Param] = []


class TaskSpec(Model):
    """What a Task says."""

    steps: list[FunctionRef] = []
    volumes: Annotated[list[dict[str, Any]], KubernetesType("list[V1Volume]")] = []


class Task(ClusterObject):
    """An order of steps."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["Task"] = "Task"
    spec: TaskSpec


class FunctionSpec(Model):
    """What a Function says."""

    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    ports: Annotated[list[dict[str, Any]], KubernetesType("list[V1ContainerPort]")] = []
    volume_mounts: Annotated[list[dict[str, Any]], KubernetesType("list[V1VolumeMount]")] = []
    volume_devices: Annotated[list[dict[str, Any]], KubernetesType("list[V1VolumeDevice]")] = []
    runtime_settings: ContainerRuntimeSettings = ContainerRuntimeSettings()
    pod_security_policy_name: str = ""


class Function(ClusterObject):
    """A template of one container."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["Function"] = "Function"
    spec: FunctionSpec
