"""Builds the Job of a user's own Task, as the API takes it: its Functions in one Pod, one after another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.kubernetes.job_settings import POD_FIELDS, KubernetesJob
from airflow_provider_stash.kubernetes.manifests import CONTAINER, job_of, step_container

if TYPE_CHECKING:
    from airflow_provider_stash.resources.task_containers import TaskPod

_BACKUP_USER: Mapping[str, Any] = {"runAsUser": 65535}
_RESTORE_USER: Mapping[str, Any] = {"runAsUser": 0, "runAsGroup": 0}  # so that files get their owners back


def task_container_names(pod: TaskPod) -> list[str]:
    """Give the names of the containers, as they run one after another."""
    return [*(one["name"] for one in pod.containers), *([CONTAINER] if pod.output_dir else [])]


def task_manifest(
    pod: TaskPod,
    settings: KubernetesJob,
    *,
    name: str,
    namespace: str,
    restores: bool,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """
    Build a Job that carries out a Task once.

    The containers are Stash's, and so are the users that they run as unless something else is said. Where Stash would
    read what the Functions have written, a step of this package does: the last container.

    :param pod: the Task, resolved.
    :param settings: how; its image is that of the step.
    :param restores: whether the Task restores.
    :param labels: further labels of Job and Pod.
    :param annotations: further annotations of Job and Pod.
    """
    containers = list(pod.containers)
    if pod.output_dir:
        request = {"arguments": {"directory": pod.output_dir}}
        containers.append(
            step_container(settings, ["read_output", json.dumps(request)], mounts=pod.mounts, any_user=True)
        )
    user = _RESTORE_USER if restores else _BACKUP_USER
    spec = {
        **{key: value for key, value in settings.pod.items() if key in POD_FIELDS},
        "securityContext": {**user, **(settings.pod.get("securityContext") or {})},
        "initContainers": containers[:-1],
        "containers": containers[-1:],
        "volumes": [*pod.volumes, *(settings.pod.get("volumes") or ())],
    }
    return job_of(spec, settings, name=name, namespace=namespace, labels=labels, annotations=annotations)
