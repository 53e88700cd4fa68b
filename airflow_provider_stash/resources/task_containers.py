"""Resolves a Task and its Functions into the containers of a pod, as Stash does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.load import Manifests
from airflow_provider_stash.resources.refusal import Refused, nearest
from airflow_provider_stash.resources.task import Function, Task
from airflow_provider_stash.resources.variables import substitute

_TMP = {"name": "tmp-dir", "mountPath": "/tmp"}  # noqa: S108 - in the container, as Stash has it
_CONTAINER = ("resources", "livenessProbe", "readinessProbe", "lifecycle")
_OF_TEMPLATE = ("podLabels", "podAnnotations", "serviceAccountAnnotations")


def task_pod_spec(
    manifests: Manifests,
    task: Task,
    variables: Mapping[str, str],
    *,
    runtime_settings: Mapping[str, Any],
    temp_dir: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Give the spec of the pod that carries out a Task: all steps but the last are its init containers.

    A variable has its value from ``variables``, else from the step's parameters, else its default.

    :param manifests: where the Functions are.
    :param task: the Task.
    :param variables: Stash's, and the target's own parameters.
    :param runtime_settings: the target's, as in YAML; its container's settings go before a Function's.
    :param temp_dir: the target's, as in YAML.
    :return: a plain mapping, as the API takes it.
    :raises Refused: a Function is missing, or a variable has no value.
    """
    resolved = substitute(task.dump()["spec"], variables, "spec")
    settings = runtime_settings.get("container") or {}
    containers = [
        _container(manifests, step, index, variables, settings)
        for index, step in enumerate(resolved.get("steps") or [])
    ]
    if not containers:
        raise Refused("spec.steps", f"{task} has no steps.")
    empty_dir = {name: temp_dir[name] for name in ("medium", "sizeLimit") if temp_dir.get(name)}
    pod = {
        name: value for name, value in (runtime_settings.get("pod") or {}).items() if name not in _OF_TEMPLATE
    }
    return {
        **pod,
        "volumes": [*(resolved.get("volumes") or []), {"name": _TMP["name"], "emptyDir": empty_dir}],
        "initContainers": containers[:-1],
        "containers": containers[-1:],
        "restartPolicy": "Never",
    }


def _container(
    manifests: Manifests,
    step: Mapping[str, Any],
    index: int,
    variables: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    function = manifests.get(Function, "", step["name"])
    if function is None:
        known = [one.object.name for one in manifests.all(Function)]
        raise Refused(
            f"spec.steps[{index}].name",
            f"There is no Function {step['name']!r} in the manifests.{nearest(step['name'], known)}",
        )
    params = {one["name"]: one.get("value", "") for one in step.get("params") or []}
    given = {"ADDON_IMAGE": function.spec.image, **params, **variables}
    spec = substitute(function.dump()["spec"], given, f"Function {function.name}: spec")
    own = spec.get("runtimeSettings") or {}
    container = {
        "name": f"{function.name.replace('.', '-')}-{index}",
        "imagePullPolicy": "Always",
        **{
            name: spec[name]
            for name in ("image", "command", "args", "workingDir", "ports", "volumeDevices")
            if spec.get(name)
        },
        "volumeMounts": [*(spec.get("volumeMounts") or []), _TMP],
        **{name: value for name in _CONTAINER if (value := settings.get(name) or own.get(name))},
    }
    context = {**(own.get("securityContext") or {}), **(settings.get("securityContext") or {})}
    environment = {one["name"]: one for one in (*(own.get("env") or []), *(settings.get("env") or []))}
    sources = [*(own.get("envFrom") or []), *(settings.get("envFrom") or [])]
    optional = {"securityContext": context, "env": list(environment.values()), "envFrom": sources}
    return {**container, **{name: value for name, value in optional.items() if value}}
