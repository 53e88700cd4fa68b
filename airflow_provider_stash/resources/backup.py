"""BackupConfiguration, BackupBatch and BackupBlueprint: what is backed up, when, where to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from airflow_provider_stash.resources.hooks import BackupHooks
from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.model import (
    STASH_V1BETA1,
    ClusterObject,
    EmptyDirSettings,
    Model,
    ObjectReference,
    PersistentVolumeClaim,
    RetryConfig,
    StashObject,
    TargetRef,
    TaskRef,
)
from airflow_provider_stash.resources.repository import RepositorySpec
from airflow_provider_stash.resources.runtime_settings import RuntimeSettings
from airflow_provider_stash.resources.scalars import DurationText

Driver = Literal["Restic", "VolumeSnapshotter"]
ExecutionOrder = Literal["Parallel", "Sequential"]


class RetentionPolicy(Model):
    """Which snapshots to keep."""

    name: str = ""
    keep_last: int = 0
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0
    keep_tags: list[str] = []
    prune: bool = False
    dry_run: bool = False


class BackupTarget(Model):
    """What is backed up."""

    alias: str = ""
    ref: TargetRef = TargetRef()
    paths: list[str] = []
    volume_mounts: Annotated[list[dict[str, Any]], KubernetesType("list[V1VolumeMount]")] = []
    replicas: int | None = None
    snapshot_class_name: str = ""
    exclude: list[str] = []
    args: list[str] = []


class BackupMember(Model):
    """One target and how it is backed up: a BackupConfiguration's own, or a member of a batch."""

    task: TaskRef = TaskRef()
    target: BackupTarget | None = None
    runtime_settings: RuntimeSettings = RuntimeSettings()
    temp_dir: EmptyDirSettings = EmptyDirSettings()
    interim_volume_template: PersistentVolumeClaim | None = None
    hooks: BackupHooks = BackupHooks()


class BackupSession(Model):
    """What a BackupConfiguration and a BackupBatch say alike."""

    schedule: str = ""
    driver: Driver = "Restic"
    repository: ObjectReference = ObjectReference()
    retention_policy: RetentionPolicy
    paused: bool = False
    backup_history_limit: int | None = None
    time_out: DurationText = None
    retry_config: RetryConfig = RetryConfig()


class BackupConfigurationSpec(BackupMember, BackupSession):
    """What a BackupConfiguration says."""


class BackupConfiguration(StashObject):
    """A scheduled backup."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["BackupConfiguration"] = "BackupConfiguration"
    spec: BackupConfigurationSpec
    status: dict[str, Any] = {}


class BackupBatchSpec(BackupSession):
    """What a BackupBatch says."""

    members: list[BackupMember] = []
    runtime_settings: RuntimeSettings = RuntimeSettings()
    hooks: BackupHooks = BackupHooks()
    execution_order: ExecutionOrder = "Parallel"


class BackupBatch(StashObject):
    """A scheduled backup of several targets into one repository."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["BackupBatch"] = "BackupBatch"
    spec: BackupBatchSpec
    status: dict[str, Any] = {}


class BackupBlueprintSpec(RepositorySpec):
    """What a BackupBlueprint says: a Repository's fields, and those of a BackupConfiguration."""

    backup_namespace: str = ""
    repo_namespace: str = ""
    schedule: str = ""
    task: TaskRef = TaskRef()
    retention_policy: RetentionPolicy
    runtime_settings: RuntimeSettings = RuntimeSettings()
    temp_dir: EmptyDirSettings = EmptyDirSettings()
    interim_volume_template: PersistentVolumeClaim | None = None
    backup_history_limit: int | None = None
    time_out: DurationText = None
    retry_config: RetryConfig = RetryConfig()
    hooks: BackupHooks = BackupHooks()


class BackupBlueprint(ClusterObject):
    """A Repository and a BackupConfiguration for every AppBinding that asks for it."""

    api_version: Literal["stash.appscode.com/v1beta1"] = STASH_V1BETA1
    kind: Literal["BackupBlueprint"] = "BackupBlueprint"
    spec: BackupBlueprintSpec
