"""AppBinding: how to reach an etcd cluster; Secret: what opens it, or a backend."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from airflow_provider_stash.etcd.config import parse_endpoints
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.resources.model import (
    APPCATALOG_V1ALPHA1,
    LocalObjectReference,
    Model,
    StashObject,
    TaskRef,
)

_NO_PATHS = "etcd's API has neither paths nor queries"


def _from_base64(text: str) -> bytes:
    """Read base64 as Kubernetes does, which passes over line ends; raises binascii.Error for anything else."""
    return base64.b64decode("".join(text.split()), validate=True)


class ServiceReference(Model):
    """A Service of Kubernetes."""

    scheme: str = ""
    namespace: str = ""
    name: str
    port: int = 0
    path: str = ""
    query: str = ""


class ClientConfig(Model):
    """How to connect."""

    url: str | None = None
    service: ServiceReference | None = None
    insecure_skip_tls_verify: bool = Field(False, alias="insecureSkipTLSVerify")
    ca_bundle: str = ""
    server_name: str = ""

    @field_validator("ca_bundle")
    @classmethod
    def _pem(cls, value: str) -> str:
        try:
            decoded = _from_base64(value)
        except binascii.Error:
            decoded = b""
        if value and b"-----BEGIN " not in decoded:
            raise PydanticCustomError("ca_bundle", "is not the base64 text of a PEM certificate.")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> ClientConfig:
        if not self.url and self.service is None:
            raise PydanticCustomError("one_address", "needs url or service.")
        return self

    @property
    def ca_certificate(self) -> str:
        """The CA bundle as PEM; empty where none is given."""
        return base64.b64decode(self.ca_bundle).decode()

    def endpoint(self, namespace: str) -> str:
        """
        Give the address, as Stash makes it.

        :param namespace: the AppBinding's.
        """
        if self.service is None:
            # Several, comma separated, are more than Stash takes.
            return ",".join(one.strip().rstrip("/") for one in (self.url or "").split(","))
        scheme = f"{self.service.scheme}://" if self.service.scheme else ""
        port = f":{self.service.port}" if self.service.port else ""
        return f"{scheme}{self.service.name}.{self.service.namespace or namespace}.svc{port}"

    def mistake(self) -> tuple[str, str]:
        """Tell what can't be meant of an etcd cluster's address: the field and the sentence, empty without one."""
        for field in ("path", "query"):
            if self.service is not None and getattr(self.service, field).strip("/"):
                return f"service.{field}", f"can't be meant: {_NO_PATHS}."
        for one in filter(None, (self.url or "").split(",")):
            sentence = _mistake_in(one.strip())
            if sentence:
                return "url", sentence
        return "", ""


def _mistake_in(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:  # of brackets alone
        return "can't be an address: an IPv6 address goes in brackets, both of them."
    if "@" in parts.netloc:  # what holds a password is not repeated
        return "holds user information (user@host); that belongs into the Secret, as username and password."
    if parts.query or parts.fragment:
        return f"holds a query or a fragment, which can't be meant: {_NO_PATHS}."
    if parts.path.strip("/"):
        return f"holds the path {parts.path!r}, which can't be meant: {_NO_PATHS}. Stash passes over it; take it away."
    try:
        parse_endpoints(url)
    except InvalidConfigurationError as error:
        return f"can't be an address: {error}"
    return ""


class RenameKey(Model):
    """Gives a key of a Secret another name."""

    from_: str = Field(alias="from")
    to: str


class AddKey(Model):
    """Adds a key that is not secret."""

    key: str
    value: str = ""
    string_value: str | None = None

    @field_validator("value")
    @classmethod
    def _base64(cls, value: str) -> str:
        try:
            _from_base64(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise PydanticCustomError(
                "add_key", "is not the base64 of a text; plain text goes into stringValue."
            ) from None
        return value


class AddKeysFrom(Model):
    """Adds the keys of another Secret."""

    secret_ref: LocalObjectReference


class RemoveKey(Model):
    """Takes a key away."""

    key: str


class SecretTransform(Model):
    """One change to the Secret's keys."""

    rename_key: RenameKey | None = None
    add_key: AddKey | None = None
    add_keys_from: AddKeysFrom | None = None
    remove_key: RemoveKey | None = None


class AppRef(Model):
    """The application's own object."""

    api_group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""


class AddonTasks(Model):
    """The application's own Tasks."""

    backup_task: TaskRef = TaskRef()
    restore_task: TaskRef = TaskRef()


class StashAddon(Model):
    """What an AppBinding tells Stash of its application."""

    addon: AddonTasks = AddonTasks()


class AppParameters(Model):
    """Settings of the application, of any kind; those for Stash are known."""

    model_config = ConfigDict(extra="allow")

    stash: StashAddon = StashAddon()


class AppBindingSpec(Model):
    """What an AppBinding says."""

    type: str = ""
    app_ref: AppRef | None = None
    version: str = ""
    client_config: ClientConfig
    secret: LocalObjectReference | None = None
    secret_transforms: list[SecretTransform] = []
    parameters: AppParameters = AppParameters()
    tls_secret: LocalObjectReference | None = None

    @model_validator(mode="after")
    def _address_of_etcd(self) -> AppBindingSpec:
        """Refuse an address that no etcd has; those of other applications are theirs."""
        if self.app_resource in {"", "etcd"}:
            field, sentence = self.client_config.mistake()
            if field:
                path = f".clientConfig.{field}"
                raise PydanticCustomError("nearest", "{sentence}", {"path": path, "sentence": sentence})
        return self

    def addon_task(self, action: str) -> TaskRef:
        """
        Give one of the application's own Tasks (parameters of the kind ``StashAddon``), without a name where there
        is none.

        :param action: ``backup`` or ``restore``.
        """
        tasks = self.parameters.stash.addon
        return tasks.backup_task if action == "backup" else tasks.restore_task

    @property
    def app_group(self) -> str:
        """The part of the type before the slash; empty where there is none."""
        return self.type.rpartition("/")[0]

    @property
    def app_resource(self) -> str:
        """The part of the type after the slash, such as ``etcd``."""
        return self.type.rpartition("/")[2]


class AppBinding(StashObject):
    """A binding to an application."""

    api_version: Literal["appcatalog.appscode.com/v1alpha1"] = APPCATALOG_V1ALPHA1
    kind: Literal["AppBinding"] = "AppBinding"
    spec: AppBindingSpec
    status: dict[str, Any] = {}


class Secret(StashObject):
    """A Secret; its values are shown nowhere."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    type: str = ""
    immutable: bool | None = None
    data: dict[str, str] = Field({}, repr=False)
    string_data: dict[str, str] = Field({}, repr=False)

    @field_validator("data")
    @classmethod
    def _base64(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            try:
                _from_base64(text)
            except binascii.Error:
                raise PydanticCustomError(
                    "nearest",
                    "{sentence}",
                    {"path": f".{key}", "sentence": "is not base64; plain text goes into stringData."},
                ) from None
        return value

    def values(self) -> dict[str, bytes]:
        """Give the keys and their decoded values, which need not be text."""
        return {
            **{key: base64.b64decode(text) for key, text in self.data.items()},
            **{key: text.encode() for key, text in self.string_data.items()},
        }
