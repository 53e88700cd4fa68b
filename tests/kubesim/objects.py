"""The kinds that the simulator serves, and small tools for objects as plain dicts."""

from __future__ import annotations

import datetime as dt
import random
import string
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as in its JSON."""

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True)
class Resource:
    """
    One kind of object.

    :param group: API group; empty: the core group.
    :param plural: its name in paths.
    :param subresources: those that are served, besides the object.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """Give group and version, as objects tell them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Give the name that error messages use: ``statefulsets.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _core(plural: str, kind: str, *subresources: str, namespaced: bool = True) -> Resource:
    return Resource("", "v1", plural, kind, namespaced, frozenset(subresources))


PODS = _core("pods", "Pod", "status", "log", "exec")
SECRETS = _core("secrets", "Secret")
CONFIGMAPS = _core("configmaps", "ConfigMap")
SERVICES = _core("services", "Service", "status")
EVENTS = _core("events", "Event")
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount", "token")
CLAIMS = _core("persistentvolumeclaims", "PersistentVolumeClaim", "status")
VOLUMES = _core("persistentvolumes", "PersistentVolume", "status", namespaced=False)
QUOTAS = _core("resourcequotas", "ResourceQuota", "status")
NAMESPACES = _core("namespaces", "Namespace", "status", namespaced=False)
NODES = _core("nodes", "Node", "status", namespaced=False)
JOBS = Resource("batch", "v1", "jobs", "Job", subresources=frozenset({"status"}))
STATEFUL_SETS = Resource(
    "apps", "v1", "statefulsets", "StatefulSet", subresources=frozenset({"status", "scale"})
)
AUTOSCALERS = Resource(
    "autoscaling",
    "v1",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    subresources=frozenset({"status"}),
)
BUDGETS = Resource(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", subresources=frozenset({"status"})
)
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")

_STASH, _CATALOG = "stash.appscode.com", "appcatalog.appscode.com"
STASH_KINDS = (
    Resource(_CATALOG, "v1alpha1", "appbindings", "AppBinding"),
    Resource(_STASH, "v1alpha1", "repositories", "Repository"),
    Resource(_STASH, "v1beta1", "backupconfigurations", "BackupConfiguration"),
    Resource(_STASH, "v1beta1", "restoresessions", "RestoreSession"),
    Resource(_STASH, "v1beta1", "tasks", "Task", namespaced=False),
    Resource(_STASH, "v1beta1", "functions", "Function", namespaced=False),
)
"""Kinds of Stash that its users keep objects of, as its CRDs define them; nothing acts on them."""

RESOURCES = {
    (one.group, one.plural): one
    for one in (
        PODS, SECRETS, CONFIGMAPS, SERVICES, EVENTS, SERVICE_ACCOUNTS, CLAIMS, VOLUMES, QUOTAS, NAMESPACES, NODES,
        JOBS, STATEFUL_SETS, AUTOSCALERS, BUDGETS, ROLES, ROLE_BINDINGS, *STASH_KINDS,
    )
}  # fmt: skip


class ApiError(Exception):
    """An answer of the API server that is no success: a ``Status`` object."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        }


def dig(thing: Any, path: str, default: Any = None) -> Any:
    """Look a dotted path up; the default where there is nothing."""
    for name in path.split("."):
        if not isinstance(thing, dict) or thing.get(name) is None:
            return default
        thing = thing[name]
    return thing


def now() -> dt.datetime:
    """Give the time, in UTC."""
    return dt.datetime.now(dt.timezone.utc)


def timestamp(when: dt.datetime | None = None) -> str:
    """Write a time as the API does, in whole seconds."""
    return (when or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since(text: str) -> float:
    """Give the seconds since a time that the API wrote."""
    return (now() - dt.datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds()


def suffix() -> str:
    """Make the end of a generated name."""
    return "".join(random.choices(_SUFFIX, k=5))


def secret_token() -> str:
    """Make a bearer token."""
    return "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=40))


def owned_by(thing: Object, owner: Object) -> bool:
    """Tell whether an object names another as its owner."""
    references = thing["metadata"].get("ownerReferences") or []
    return any(one["uid"] == owner["metadata"]["uid"] for one in references)


def condition(kind: str, status: bool, reason: str = "", message: str = "") -> Object:
    """Make an entry of a status' ``conditions``."""
    made: Object = {
        "type": kind,
        "status": "True" if status else "False",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(),
    }
    if reason:
        made |= {"reason": reason, "message": message}
    return made


def is_true(thing: Object, kind: str) -> bool:
    """Tell whether an object's condition is true."""
    found = dig(thing, "status.conditions", [])
    return any(one["type"] == kind and one["status"] == "True" for one in found)
