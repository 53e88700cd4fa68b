"""Builds the Job of a step and the Secret it owns, as the API takes them."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_stash.kubernetes.job_settings import CONTAINER_FIELDS, POD_FIELDS, KubernetesJob
from airflow_provider_stash.kubernetes.record import CREDENTIALS

CONTAINER = "step"
"""Name of the container that runs the step."""

SCRATCH = "/tmp"  # noqa: S108 - of the container, which has it to itself
"""The only place where the container can write."""

PREFIX = "airflow-provider-stash"

SECRETS, TRY = f"{PREFIX}/secrets", f"{PREFIX}/try"
"""Annotations of a task's Job: the Secrets that it owns, by what they are for; and the try that made it."""

_VOLUME_PREFIX = "stash-"  # a user's own volumes have other names
_SCRATCH_VOLUME = f"{_VOLUME_PREFIX}scratch"
_GRACE_SECONDS = 30
_NAME_LENGTH = 57  # Kubernetes adds six characters for the Pod's name, which ends at 63

_SECURE_CONTAINER: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
_SECURE_POD: Mapping[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}


def job_name(task_id: str, *identity: object) -> str:
    """
    Give a Job's name: the same for the same identity, so that who comes back finds the Job again.

    :param task_id: makes the name readable.
    :param identity: what tells this Job from every other: DAG, task, run, map index.
    """
    digest = hashlib.sha256("\0".join(map(str, (task_id, *identity))).encode()).hexdigest()[:12]
    readable = re.sub(r"[^a-z0-9]+", "-", task_id.lower()).strip("-")
    room = _NAME_LENGTH - len("stash--") - len(digest)
    return f"stash-{readable[-room:].strip('-')}-{digest}".replace("--", "-")


def secret_name(job: str) -> str:
    """Give the name of a Secret for one Job object: a later Job of that name must not lose it to the first's end."""
    return f"{job}-{secrets.token_hex(3)}"


def job_manifest(
    settings: KubernetesJob,
    *,
    name: str,
    namespace: str,
    arguments: Sequence[str],
    credentials: Mapping[str, Sequence[str]] | None = None,
    volumes: Sequence[Mapping[str, Any]] = (),
    volume_mounts: Sequence[Mapping[str, Any]] = (),
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """
    Build a Job that runs one step once.

    :param settings: how; its image must be known.
    :param name: see ``job_name``.
    :param arguments: what follows the entry point; they are plain to see in the cluster.
    :param credentials: Secrets by the directory under ``CREDENTIALS`` where their keys are files.
    :param volumes: further volumes of the Pod, beside those of the settings.
    :param volume_mounts: further mounts of the container.
    :param labels: further labels of Job and Pod.
    :param annotations: further annotations of Job and Pod.
    """
    pod = settings.pod
    secret_volumes = [_secret_volume(directory, names) for directory, names in (credentials or {}).items()]
    body = step_container(
        settings,
        arguments,
        mounts=[
            {"name": _SCRATCH_VOLUME, "mountPath": SCRATCH},
            *(_secret_mount(directory) for directory in credentials or {}),
            *volume_mounts,
            *(settings.container.get("volumeMounts") or ()),
        ],
    )
    spec = {
        # A step never talks to the cluster's API.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **{key: value for key, value in pod.items() if key in POD_FIELDS},
        "securityContext": {**_SECURE_POD, **(pod.get("securityContext") or {})},
        "containers": [body],
        "volumes": [_scratch(settings), *secret_volumes, *volumes, *(pod.get("volumes") or ())],
    }
    return job_of(spec, settings, name=name, namespace=namespace, labels=labels, annotations=annotations)


def job_of(
    pod_spec: Mapping[str, Any],
    settings: KubernetesJob,
    *,
    name: str,
    namespace: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """
    Build a Job that runs a Pod once.

    :param pod_spec: the Pod's, but for how it ends.
    :param settings: how.
    :param labels: further labels of Job and Pod.
    :param annotations: further annotations of Job and Pod.
    """
    all_labels = {
        "app.kubernetes.io/name": PREFIX,
        "app.kubernetes.io/managed-by": "airflow",
        **settings.labels,
        **(labels or {}),
    }
    all_annotations = {**settings.annotations, **(annotations or {})}
    pod = settings.pod
    template_metadata: dict[str, Any] = {"labels": {**all_labels, **(pod.get("podLabels") or {})}}
    if pod_annotations := {**all_annotations, **(pod.get("podAnnotations") or {})}:
        template_metadata["annotations"] = pod_annotations
    job_metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": all_labels}
    if all_annotations:
        job_metadata["annotations"] = all_annotations
    spec: dict[str, Any] = {
        # Airflow counts the tries.
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": settings.ttl,
        "template": {
            "metadata": template_metadata,
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": _GRACE_SECONDS,
                **pod_spec,
            },
        },
    }
    if settings.active_deadline is not None:
        spec["activeDeadlineSeconds"] = settings.active_deadline
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": job_metadata, "spec": spec}


def step_container(
    settings: KubernetesJob,
    arguments: Sequence[str],
    *,
    mounts: Sequence[Mapping[str, Any]],
    any_user: bool = False,
) -> dict[str, Any]:
    """
    Build the container that runs a step.

    :param settings: how; its image must be known.
    :param arguments: what follows the entry point; they are plain to see in the cluster.
    :param mounts: of its volumes, one of them at ``SCRATCH``.
    :param any_user: whether it may run as root: in a Pod where others do.
    """
    container = settings.container
    given = {**(settings.pod.get("securityContext") or {}), **(container.get("securityContext") or {})}
    # The kubelet starts no container that is told to be root and not to be root.
    any_user = any_user or given.get("runAsUser") == 0
    secure = {key: value for key, value in _SECURE_CONTAINER.items() if key != "runAsNonRoot" or not any_user}
    body: dict[str, Any] = {
        "name": CONTAINER,
        "image": settings.image,
        # In an argument "$(NAME)" would be replaced by a variable's value.
        "command": [part.replace("$", "$$") for part in [*_priority(container), *settings.command]],
        "args": [argument.replace("$", "$$") for argument in arguments],
        **{key: value for key, value in container.items() if key in CONTAINER_FIELDS},
        "securityContext": {**secure, **(container.get("securityContext") or {})},
        "env": [
            {"name": "HOME", "value": SCRATCH},
            {"name": "TMPDIR", "value": SCRATCH},
            {"name": "PYTHONUNBUFFERED", "value": "1"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            *(container.get("env") or ()),
        ],
        "volumeMounts": list(mounts),
    }
    if settings.image_pull_policy:
        body["imagePullPolicy"] = settings.image_pull_policy
    return body


def secret_manifest(
    *, name: str, job: Mapping[str, Any], data: Mapping[str, bytes], labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """
    Build a Secret that is removed with its Job.

    :param job: the Job as the API gave it back.
    :param data: file contents by key.
    """
    metadata = job["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": True,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {"app.kubernetes.io/name": PREFIX, "app.kubernetes.io/managed-by": "airflow", **(labels or {})},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
            ],
        },
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }  # fmt: skip


def _secret_volume(directory: str, names: Sequence[str]) -> dict[str, Any]:
    sources = [{"secret": {"name": name}} for name in names]
    # Readable by whatever user the image has; no other container sees it.
    return {"name": f"{_VOLUME_PREFIX}{directory}", "projected": {"defaultMode": 0o444, "sources": sources}}


def _secret_mount(directory: str) -> dict[str, Any]:
    path = f"{CREDENTIALS}/{directory}"
    return {"name": f"{_VOLUME_PREFIX}{directory}", "mountPath": path, "readOnly": True}


def _scratch(settings: KubernetesJob) -> dict[str, Any]:
    interim = claim_of_pod(settings)
    return {"name": _SCRATCH_VOLUME, **(interim or {"emptyDir": dict(settings.temp_dir)})}


def claim_of_pod(settings: KubernetesJob) -> dict[str, Any] | None:
    """Give the source of the interim volume, a claim that goes with its Pod; None: there is none."""
    given = settings.interim_volume_template
    if given is None:
        return None
    metadata = {
        key: value
        for key, value in (given.get("metadata") or {}).items()
        if key in {"labels", "annotations"}
    }  # fmt: skip
    template = {**({"metadata": metadata} if metadata else {}), "spec": given["spec"]}
    return {"ephemeral": {"volumeClaimTemplate": template}}


def _priority(container: Mapping[str, Any]) -> list[str]:
    """Stash's ``nice`` and ``ionice``, as the programs of these names."""
    words = []
    nice, ionice = container.get("nice") or {}, container.get("ionice") or {}
    if nice.get("adjustment") is not None:
        words += ["nice", "-n", str(nice["adjustment"])]
    if ionice:
        words.append("ionice")
        if ionice.get("class") is not None:
            words += ["-c", str(ionice["class"])]
        if ionice.get("classData") is not None:
            words += ["-n", str(ionice["classData"])]
    return words
