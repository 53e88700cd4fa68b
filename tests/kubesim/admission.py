"""What the API server does to an object before it is stored: checks, defaults, what may not be changed."""

from __future__ import annotations

import base64
import re

from tests.kubesim.objects import (
    CLAIMS,
    JOBS,
    NAMESPACES,
    PODS,
    QUOTAS,
    ROLES,
    SECRETS,
    STATEFUL_SETS,
    ApiError,
    Object,
    Resource,
    dig,
)

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_MOST = 253
_JOB_DEFAULTS = {
    "parallelism": 1,
    "completions": 1,
    "backoffLimit": 6,
    "completionMode": "NonIndexed",
    "suspend": False,
}
_POD_DEFAULTS = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst"}
_CHANGEABLE = {
    PODS: {"containers", "initContainers", "tolerations", "activeDeadlineSeconds", "nodeName"},
    JOBS: {"parallelism", "suspend", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"},
    STATEFUL_SETS: {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy", "minReadySeconds"},
}  # fmt: skip


def check(resource: Resource, thing: Object) -> None:
    """
    Refuse what a cluster would refuse.

    :raises ApiError: 422, with every field that is wrong.
    """
    name = thing["metadata"].get("name") or ""
    wrong = []
    if not _NAME.fullmatch(name) or len(name) > _MOST:
        wrong.append(
            f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.'"
        )
    pod = _pod_spec(resource, thing)
    prefix = "spec" if resource is PODS else "spec.template.spec"
    if pod is not None:
        if not pod.get("containers"):
            wrong.append(f"{prefix}.containers: Required value")
        for kind in ("initContainers", "containers"):
            for place, container in enumerate(pod.get(kind) or []):
                wrong += [f"{prefix}.{kind}[{place}].{field}: Required value"
                          for field in ("name", "image") if not container.get(field)]  # fmt: skip
                known = {volume["name"] for volume in pod.get("volumes") or []}
                known |= {dig(one, "metadata.name") for one in dig(thing, "spec.volumeClaimTemplates", [])}
                wrong += [f'{prefix}.{kind}[{place}].volumeMounts[{at}].name: Not found: "{mount["name"]}"'
                          for at, mount in enumerate(container.get("volumeMounts") or [])
                          if mount["name"] not in known]  # fmt: skip
    if resource is JOBS and dig(pod, "restartPolicy") not in {"Never", "OnFailure"}:
        wrong.append('spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"')
    if resource is ROLES:
        wrong += [f"rules[{place}].verbs: Required value: verbs must contain at least one value"
                  for place, rule in enumerate(thing.get("rules") or []) if not rule.get("verbs")]  # fmt: skip
    if wrong:
        message = f'{resource.kind} "{name}" is invalid: {", ".join(wrong)}'
        raise ApiError(422, "Invalid", message, name=name, kind=resource.kind)


def set_defaults(resource: Resource, thing: Object) -> None:
    """Fill in what a cluster fills in, the first status included."""
    metadata, spec = (
        thing["metadata"],
        thing.setdefault("spec", {}) if resource.group or resource is PODS else {},
    )
    pod = _pod_spec(resource, thing)
    if pod is not None:
        for name, value in _POD_DEFAULTS.items():
            pod.setdefault(name, value)
        pod.setdefault("serviceAccountName", "default")
    if resource is PODS:
        thing["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    elif resource is JOBS:
        for name, default in _JOB_DEFAULTS.items():
            spec.setdefault(name, default)
        uid, name = metadata["uid"], metadata["name"]
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        labels |= {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
                   "batch.kubernetes.io/job-name": name, "job-name": name}  # fmt: skip
        thing["status"] = {}
    elif resource is STATEFUL_SETS:
        spec.setdefault("replicas", 1)
        spec.setdefault("podManagementPolicy", "OrderedReady")
        thing["status"] = {"replicas": 0}
    elif resource is SECRETS:
        take_string_data(thing)
        thing.setdefault("type", "Opaque")
    elif resource is CLAIMS:
        claim = thing.setdefault("spec", {})
        claim["volumeName"] = f"pvc-{metadata['uid']}"
        capacity = dig(claim, "resources.requests", {})
        thing["status"] = {"phase": "Bound", "accessModes": claim.get("accessModes"), "capacity": capacity}
    elif resource is QUOTAS:
        thing["status"] = {"hard": dig(thing, "spec.hard", {}), "used": {}}
    elif resource is NAMESPACES:
        thing["status"] = {"phase": "Active"}


def take_string_data(secret: Object) -> None:
    """Put a Secret's ``stringData`` into its ``data``."""
    text: dict[str, str] = secret.pop("stringData", None) or {}
    coded = {name: base64.b64encode(value.encode()).decode() for name, value in text.items()}
    secret["data"] = {**(secret.get("data") or {}), **coded}


def check_change(resource: Resource, old: Object, new: Object) -> None:
    """
    Refuse to change what may not change.

    :raises ApiError: 422.
    """
    changeable = _CHANGEABLE.get(resource)
    if changeable is None:
        return
    before, after = old.get("spec") or {}, new.get("spec") or {}
    for name in before.keys() | after.keys():
        if name not in changeable and before.get(name) != after.get(name):
            message = f'{resource.kind} "{old["metadata"]["name"]}" is invalid: spec.{name}: Forbidden: may not be changed'
            raise ApiError(422, "Invalid", message, name=old["metadata"]["name"], kind=resource.kind)


def _pod_spec(resource: Resource, thing: Object) -> Object | None:
    spec: Object | None = None
    if resource is PODS:
        spec = thing.setdefault("spec", {})
    elif resource in {JOBS, STATEFUL_SETS}:
        spec = thing.setdefault("spec", {}).setdefault("template", {}).setdefault("spec", {})
    return spec
