"""What all models share, and the small ones that many objects hold."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.scalars import DurationText, QuantityText

STASH_V1ALPHA1: Final = "stash.appscode.com/v1alpha1"
STASH_V1BETA1: Final = "stash.appscode.com/v1beta1"
APPCATALOG_V1ALPHA1: Final = "appcatalog.appscode.com/v1alpha1"
HOST = "host-0"
"""The restic host of a target without alias."""


class Model(BaseModel):
    """A part of an object: its fields by Stash's names, no others, each of its own kind."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )

    def dump(self) -> dict[str, Any]:
        """Give what was read, by Stash's names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ObjectMeta(Model):
    """Kubernetes' ``metadata``."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    generate_name: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: list[str] = []
    owner_references: list[dict[str, Any]] = []
    managed_fields: list[dict[str, Any]] = []
    self_link: str = ""


class StashObject(Model):
    """A whole object."""

    api_version: str
    kind: str
    metadata: ObjectMeta

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """The object's namespace, ``default`` where none is given; empty for a kind that has none."""
        return self.metadata.namespace or "default"

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


class ClusterObject(StashObject):
    """An object of a kind that has no namespace."""

    @property
    def namespace(self) -> str:
        """There is none."""
        return ""


class ObjectReference(Model):
    """Names an object, in the referring object's namespace unless another is given."""

    name: str = ""
    namespace: str = ""


class LocalObjectReference(Model):
    """Names an object of the same namespace."""

    name: str = ""


class Param(Model):
    """A task's parameter."""

    name: str
    value: str = ""


class TaskRef(Model):
    """Names a Task, with parameters for it."""

    name: str = ""
    params: list[Param] = []

    def values(self) -> dict[str, str]:
        """Give the parameters by name."""
        return {param.name: param.value for param in self.params}


class TargetRef(Model):
    """Names what is backed up or restored."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


class EmptyDirSettings(Model):
    """The temporary directory of the Job (Stash: ``tempDir``)."""

    medium: str = ""
    size_limit: QuantityText = None
    disable_caching: bool = False


class RetryConfig(Model):
    """How often a failed session is tried again."""

    max_retry: int = 0
    delay: DurationText = None


class PersistentVolumeClaim(Model):
    """A volume to be made (Stash: ``interimVolumeTemplate``)."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[dict[str, Any], KubernetesType("V1PersistentVolumeClaimSpec")] = {}
    status: Annotated[dict[str, Any], KubernetesType("V1PersistentVolumeClaimStatus")] = {}
