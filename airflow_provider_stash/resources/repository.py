"""Repository: the backend where snapshots lie, and who may use it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from airflow_provider_stash.resources.kubernetes_fields import KubernetesType, is_volume_source
from airflow_provider_stash.resources.model import STASH_V1ALPHA1, Model, StashObject
from airflow_provider_stash.resources.refusal import nearest


class LocalSpec(Model):
    """A directory: any volume source of Kubernetes, inline."""

    model_config = ConfigDict(extra="allow")

    mount_path: str = ""
    sub_path: str = ""

    @model_validator(mode="after")
    def _volume_source(self) -> LocalSpec:
        for name, source in (self.__pydantic_extra__ or {}).items():
            if not is_volume_source(name):
                known = ["mountPath", "subPath", "hostPath", "persistentVolumeClaim", "nfs", "emptyDir"]
                raise PydanticCustomError(
                    "nearest",
                    "{sentence}",
                    {
                        "path": f".{name}",
                        "sentence": f"is not a field that Stash knows.{nearest(name, known)}",
                    },
                )
            KubernetesType("V1Volume").check({name: source})
        return self

    @property
    def volume(self) -> dict[str, Any]:
        """The volume source."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def directory(self) -> str:
        """Where the repository lies: the host's own directory, else where the volume is mounted."""
        root = (self.volume.get("hostPath") or {}).get("path") or self.mount_path
        return str(PurePosixPath(root, self.sub_path.lstrip("/"))) if root else ""


class S3Spec(Model):
    """Amazon S3 and compatibles."""

    endpoint: str = ""
    bucket: str = ""
    prefix: str = ""
    region: str = ""
    insecure_tls: bool = Field(False, alias="insecureTLS")


class GCSSpec(Model):
    """Google Cloud Storage."""

    bucket: str = ""
    prefix: str = ""
    max_connections: int = 0


class AzureSpec(Model):
    """Azure blob storage."""

    container: str = ""
    prefix: str = ""
    max_connections: int = 0


class SwiftSpec(Model):
    """OpenStack Swift."""

    container: str = ""
    prefix: str = ""


class B2Spec(Model):
    """Backblaze B2."""

    bucket: str = ""
    prefix: str = ""
    max_connections: int = 0


class RestServerSpec(Model):
    """restic's REST server."""

    url: str = ""


PROVIDERS = ("local", "s3", "gcs", "azure", "swift", "b2", "rest")


class Backend(Model):
    """Where the repository lies: exactly one kind of store."""

    storage_secret_name: str = ""
    local: LocalSpec | None = None
    s3: S3Spec | None = None
    gcs: GCSSpec | None = None
    azure: AzureSpec | None = None
    swift: SwiftSpec | None = None
    b2: B2Spec | None = None
    rest: RestServerSpec | None = None

    @model_validator(mode="after")
    def _one_store(self) -> Backend:
        given = [name for name in PROVIDERS if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_store",
                "needs exactly one of {known}; {given} given.",
                {"known": ", ".join(PROVIDERS), "given": " and ".join(given) if given else "none is"},
            )
        return self

    @property
    def provider(self) -> str:
        """Which store, one of ``PROVIDERS``."""
        return next(name for name in PROVIDERS if getattr(self, name) is not None)

    @property
    def container(self) -> str:
        """The bucket or container; the mount path of a directory, the host of a REST server."""
        if self.local:
            return self.local.mount_path
        if self.rest:
            return urlsplit(self.rest.url).hostname or ""
        store: Any = getattr(self, self.provider)
        return str(getattr(store, "bucket", None) or getattr(store, "container", ""))

    @property
    def prefix(self) -> str:
        """The folder in it."""
        if self.rest:
            return urlsplit(self.rest.url).path
        if self.local:
            return self.local.sub_path
        return str(getattr(getattr(self, self.provider), "prefix", ""))

    @property
    def endpoint(self) -> str:
        """The server's address, of S3 and REST."""
        return (self.s3 and self.s3.endpoint) or (self.rest and self.rest.url) or ""

    @property
    def region(self) -> str:
        """The region, of S3."""
        return self.s3.region if self.s3 else ""

    @property
    def max_connections(self) -> int:
        """Connections at a time; 0: restic's default."""
        return int(getattr(getattr(self, self.provider), "max_connections", 0))

    @property
    def location(self) -> str:
        """The repository in restic's syntax."""
        folder = self.prefix.strip("/")
        if self.local:
            return self.local.directory
        if self.rest:
            return f"rest:{self.rest.url}"
        if self.s3:
            endpoint = self.s3.endpoint.rstrip("/") or "s3.amazonaws.com"
            return "/".join(filter(None, (f"s3:{endpoint}", self.container, folder)))
        scheme = {"gcs": "gs"}.get(self.provider, self.provider)
        return f"{scheme}:{self.container}:{'' if self.b2 else '/'}{folder}"


class LabelSelectorRequirement(Model):
    """One condition on labels."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] = []

    def holds(self, labels: dict[str, str]) -> bool:
        """Tell whether labels meet it."""
        if self.operator == "In":
            return labels.get(self.key) in self.values
        if self.operator == "NotIn":
            return labels.get(self.key) not in self.values
        return (self.key in labels) == (self.operator == "Exists")


class LabelSelector(Model):
    """Conditions on labels, all of which must be met."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelSelectorRequirement] = []

    def selects(self, labels: dict[str, str]) -> bool:
        """Tell whether labels meet it."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            one.holds(labels) for one in self.match_expressions
        )


class AllowedNamespaces(Model):
    """Namespaces that may use a Repository."""

    from_: Literal["All", "Selector", "Same"] = Field("Same", alias="from")
    selector: LabelSelector | None = None


class UsagePolicy(Model):
    """Who may use a Repository."""

    allowed_namespaces: AllowedNamespaces = Field(
        default_factory=lambda: AllowedNamespaces.model_validate({})
    )

    def allows(self, namespace: str, own: str, labels: dict[str, str]) -> bool:
        """
        Tell whether objects of a namespace may use the Repository.

        :param namespace: theirs.
        :param own: the Repository's.
        :param labels: the labels of theirs.
        """
        allowed = self.allowed_namespaces
        if namespace == own or allowed.from_ == "All":
            return True
        if allowed.from_ == "Same" or allowed.selector is None:
            return False
        return allowed.selector.selects({"kubernetes.io/metadata.name": namespace, **labels})


class RepositorySpec(Model):
    """What a Repository says."""

    backend: Backend
    wipe_out: bool = False
    usage_policy: UsagePolicy | None = None


class Repository(StashObject):
    """A restic repository."""

    api_version: Literal["stash.appscode.com/v1alpha1"] = STASH_V1ALPHA1
    kind: Literal["Repository"] = "Repository"
    spec: RepositorySpec
    status: dict[str, Any] = {}
