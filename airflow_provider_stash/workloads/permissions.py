"""Asks the cluster, before anything is changed, whether a restore may do all that it will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import KubernetesPermissionError
from airflow_provider_stash.kubernetes.api import call


@dataclass(frozen=True)
class Permission:
    """
    One verb on one kind of object, or on one object.

    :param resource: its plural, with the subresource: ``pods/log``.
    :param name: of the one object; None: any.
    """

    verb: str
    group: str
    resource: str
    name: str | None = None

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        resource, _, subresource = self.resource.partition("/")
        text = f"{self.verb} {resource}{group}{f'/{subresource}' if subresource else ''}"
        return f"{text} {self.name}" if self.name else text


MEMBER_JOBS = (
    Permission("create", "batch", "jobs"),
    Permission("get", "batch", "jobs"),
    Permission("delete", "batch", "jobs"),
    Permission("list", "", "pods"),
    Permission("get", "", "pods/log"),
    Permission("create", "", "secrets"),
    Permission("get", "", "persistentvolumeclaims"),
)
"""What the Jobs of a restore need, whatever the members run in."""


def require_permissions(api_client: Any, namespace: str, permissions: Sequence[Permission]) -> None:
    """
    Refuse when one is missing (``SelfSubjectAccessReview``).

    :raises KubernetesPermissionError: names all that are missing.
    """
    from kubernetes.client import AuthorizationV1Api

    review = AuthorizationV1Api(api_client).create_self_subject_access_review
    missing = [
        one for one in permissions if not call(review, _review(namespace, one))["status"].get("allowed")
    ]
    if missing:
        raise KubernetesPermissionError(
            f"In namespace {namespace} the user of the kubernetes connection may not: {', '.join(map(str, missing))}. "
            "Give it the Role in docs/kubernetes-restore.md. Nothing was stopped or changed."
        )


def _review(namespace: str, wanted: Permission) -> dict[str, Any]:
    resource, _, subresource = wanted.resource.partition("/")
    attributes = {"namespace": namespace, "verb": wanted.verb, "group": wanted.group, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    if wanted.name:
        attributes["name"] = wanted.name
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
