"""RestoreSession and RestoreBatch: what is restored, from which snapshot."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from airflow_provider_stash.resources.backup import Driver, ExecutionOrder
from airflow_provider_stash.resources.hooks import RestoreHooks
from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.model import (
    STASH_V1BETA1,
    EmptyDirSettings,
    Model,
    ObjectReference,
    PersistentVolumeClaim,
    StashObject,
    TargetRef,
    TaskRef,
)
from airflow_provider_stash.resources.runtime_settings import RuntimeSettings
from airflow_provider_stash.resources.scalars import DurationText


class Rule(Model):
    """Which snapshot a host gets."""

    target_hosts: list[str] = []
    source_host: str = ""
    snapshots: list[str] = []
    paths: list[str] = []
    exclude: list[str] = []
    include: list[str] = []


class RestoreTarget(Model):
    """What is restored."""

    alias: str = ""
    ref: TargetRef = TargetRef()
    volume_mounts: Annotated[list[dict[str, Any]], KubernetesType("list[V1VolumeMount]")] = []
    replicas: int | None = None
    volume_claim_templates: list[PersistentVolumeClaim] = []
    rules: list[Rule] = []
    args: list[str] = []


class RestoreMember(Model):
    """One target and how it is restored: a RestoreSession's own, or a member of a batch."""

    task: TaskRef = TaskRef()
    target: RestoreTarget | None = None
    runtime_settings: RuntimeSettings = RuntimeSettings()
    temp_dir: EmptyDirSettings = EmptyDirSettings()
    interim_volume_template: PersistentVolumeClaim | None = None
    hooks: RestoreHooks = RestoreHooks()


class RestoreSessionSpec(RestoreMember):
    """What a RestoreSession says; ``rules`` here is what Stash had before ``target.rules``."""

    driver: Driver = "Restic"
    repository: ObjectReference = ObjectReference()
    rules: list[Rule] = []
    time_out: DurationText = None


class RestoreSession(StashObject):
    """A restore."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["RestoreSession"] = "RestoreSession"
    spec: RestoreSessionSpec
    status: dict[str, Any] = {}


class RestoreBatchSpec(Model):
    """What a RestoreBatch says."""

    driver: Driver = "Restic"
    repository: ObjectReference = ObjectReference()
    members: list[RestoreMember] = []
    execution_order: ExecutionOrder = "Parallel"
    hooks: RestoreHooks = RestoreHooks()
    time_out: DurationText = None


class RestoreBatch(StashObject):
    """A restore of several targets from one repository."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["RestoreBatch"] = "RestoreBatch"
    spec: RestoreBatchSpec
    status: dict[str, Any] = {}
