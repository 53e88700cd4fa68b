"""Hooks: what is done before and after a session."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from airflow_provider_stash.resources.kubernetes_fields import KubernetesType
from airflow_provider_stash.resources.model import Model
from airflow_provider_stash.resources.scalars import IntOrString

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MASK = "***"
_MAY_BE_SECRET = {"path", "value", "values", "command"}
_ACTIONS = ("exec", "httpGet", "httpPost", "tcpSocket")


class FormEntry(Model):
    """One field of a posted form."""

    key: str = ""
    values: list[str] = []


class HTTPPostAction(Model):
    """Posts to a server, a body or a form."""

    path: str = ""
    port: IntOrString
    host: str = ""
    scheme: str = ""
    http_headers: Annotated[list[dict[str, Any]], KubernetesType("list[V1HTTPHeader]")] = []
    body: str = ""
    form: list[FormEntry] = []


class Handler(Model):
    """One action."""

    exec: Annotated[dict[str, Any], KubernetesType("V1ExecAction")] | None = None
    http_get: Annotated[dict[str, Any], KubernetesType("V1HTTPGetAction")] | None = None
    http_post: HTTPPostAction | None = None
    tcp_socket: Annotated[dict[str, Any], KubernetesType("V1TCPSocketAction")] | None = None
    container_name: str = ""

    @model_validator(mode="after")
    def _one_action(self) -> Handler:
        given = [name for name in self.dump() if name in _ACTIONS]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_action",
                "needs exactly one of {actions}; {given} given.",
                {"actions": ", ".join(_ACTIONS), "given": " and ".join(given) if given else "none is"},
            )
        return self


class PostHandler(Handler):
    """One action after a session, and when it is taken."""

    execution_policy: Literal["Always", "OnSuccess", "OnFailure", "OnFinalRetryFailure"] = "Always"

    def handler(self) -> dict[str, Any]:
        """Give the action without its policy."""
        return {name: value for name, value in self.dump().items() if name != "executionPolicy"}


class BackupHooks(Model):
    """Actions around a backup."""

    pre_backup: Handler | None = None
    post_backup: PostHandler | None = None


class RestoreHooks(Model):
    """Actions around a restore."""

    pre_restore: Handler | None = None
    post_restore: PostHandler | None = None


def without_secrets(value: Any, *, masked: bool = False) -> Any:
    """
    Give an object, to be shown, without what may be a secret in its hooks and its Jobs' containers: paths, as Slack's,
    headers, forms, commands, and variables.

    :param value: the object, or a part of it.
    :param masked: whether that is part of a hook or a container.
    """
    if isinstance(value, list):
        return [without_secrets(one, masked=masked) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _MASK
        # kubectl keeps a copy of the whole object in this annotation.
        if name == _APPLIED or (masked and name in _MAY_BE_SECRET and one not in ("", "/", []))
        else without_secrets(one, masked=masked or name in {"hooks", "container"})
        for name, one in value.items()
    }
