"""Resolves a Task and its Functions into containers that share a Pod, as Stash does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.resources.refusal import Refused
from airflow_provider_stash.resources.task_plan import TaskPlan
from airflow_provider_stash.resources.task_variables import INTERIM_VOLUME, TMP, nice_variables
from airflow_provider_stash.resources.variables import substitute

_TMP_VOLUME, _INTERIM_VOLUME, _BACKEND_VOLUME = "tmp-dir", "stash-interim-volume", "stash-local"
_OLD_TMP = "/tmp"  # noqa: S108 - in the container: there older Stash had it, and Tasks were written for it
_OUTPUT_FLAG = "--output-dir="
_STASHS_OUTPUT = f"{_OUTPUT_FLAG}${{outputDir:=}}"  # of the Function that Stash brings along
_OF_LAST = ("livenessProbe", "readinessProbe", "lifecycle")  # an init container can have none


@dataclass(frozen=True)
class TaskPod:
    """
    What a Task's Pod is made of.

    :param containers: one after another, a Function each; as the API takes them.
    :param volumes: of the Pod.
    :param mounts: of what all containers share.
    :param output_dir: where a Function leaves ``output.json``; None: nothing reads it in Stash either.
    """

    containers: Sequence[dict[str, Any]]
    volumes: Sequence[dict[str, Any]]
    mounts: Sequence[dict[str, Any]]
    output_dir: str | None


def task_pod(
    plan: TaskPlan,
    values: Mapping[str, str],
    *,
    container: Mapping[str, Any],
    temp_dir: Mapping[str, Any],
    interim_volume: Mapping[str, Any] | None = None,
    pull_policy: str | None = None,
) -> TaskPod:
    """
    Give the containers and volumes of the Pod that carries out a Task.

    A variable has its value from ``values``, else from the step's parameters, else its default. Stash's
    ``update-status`` is left out: what it tells Stash is what the DAG's own tasks tell Airflow.

    :param plan: the Task.
    :param values: of Stash's variables, and the target's own parameters.
    :param container: Stash's ``runtimeSettings.container``, and ``volumeMounts``; goes before a Function's own.
    :param temp_dir: Stash's ``tempDir``: of the volume that all share.
    :param interim_volume: the source of the interim volume; None: there is none.
    :param pull_policy: of the images; None: Stash's, ``IfNotPresent``.
    :raises Refused: a variable has no value, or there is nothing to run.
    """
    resolved = substitute(dict(plan.spec), values, "spec")
    volumes = [one for one in resolved.get("volumes") or [] if one["name"] != _TMP_VOLUME]
    empty_dir = {name: temp_dir[name] for name in ("medium", "sizeLimit") if temp_dir.get(name)}
    volumes.append({"name": _TMP_VOLUME, "emptyDir": empty_dir})
    mounts = [{"name": _TMP_VOLUME, "mountPath": path} for path in (TMP, _OLD_TMP)]
    if interim_volume is not None:
        volumes.append({"name": _INTERIM_VOLUME, **interim_volume})
        mounts.append({"name": _INTERIM_VOLUME, "mountPath": INTERIM_VOLUME})
    if plan.backend:
        source = {name: one for name, one in plan.backend.items() if name not in {"mountPath", "subPath"}}
        volumes.append({"name": _BACKEND_VOLUME, **source})
        mounts.append({"name": _BACKEND_VOLUME, "mountPath": plan.backend["mountPath"]})
    mounts += container.get("volumeMounts") or []

    containers, output_dir = [], None
    for index, step in enumerate(resolved.get("steps") or []):
        if plan.is_update_status(step["name"]):
            output_dir = _output_dir(plan, step, values)
        else:
            containers.append(_container(plan, step, index, values, container, mounts, pull_policy))
    if not containers:
        raise Refused("spec.steps", f"Task {plan.name} has no steps that do anything.")
    for one in containers if output_dir else containers[:-1]:
        for name in _OF_LAST:
            one.pop(name, None)
    return TaskPod(containers, volumes, mounts, output_dir)


def _container(
    plan: TaskPlan,
    step: Mapping[str, Any],
    index: int,
    values: Mapping[str, str],
    settings: Mapping[str, Any],
    mounts: Sequence[dict[str, Any]],
    pull_policy: str | None,
) -> dict[str, Any]:
    name = step["name"]
    spec = _function(plan, step, values)
    if not spec.get("image"):
        raise Refused(f"Function {name}: spec.image", "is missing: there is nothing to run.")
    own = spec.get("runtimeSettings") or {}
    own_mounts = spec.get("volumeMounts") or []
    taken = {one["mountPath"] for one in own_mounts}
    given = {
        "name": f"{name.replace('.', '-')}-{index}",
        "imagePullPolicy": pull_policy or "IfNotPresent",
        **{
            field: spec[field]
            for field in ("image", "command", "args", "workingDir", "ports", "volumeDevices")
            if spec.get(field)
        },
        "volumeMounts": [*own_mounts, *(one for one in mounts if one["mountPath"] not in taken)],
        **{field: value for field in ("resources", *_OF_LAST) if (value := settings.get(field) or own.get(field))},
    }  # fmt: skip
    context = {**(own.get("securityContext") or {}), **(settings.get("securityContext") or {})}
    throttle = [{"name": key, "value": value} for key, value in nice_variables(settings).items()]
    environment = {
        one["name"]: one for one in (*(own.get("env") or []), *throttle, *(settings.get("env") or []))
    }
    sources = [*(own.get("envFrom") or []), *(settings.get("envFrom") or [])]
    optional = {"securityContext": context, "env": list(environment.values()), "envFrom": sources}
    return {**given, **{field: value for field, value in optional.items() if value}}


def _function(plan: TaskPlan, step: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Give a step's Function with its variables' values put in."""
    function = plan.functions[step["name"]]
    inputs = {**_params(step), **values, "ADDON_IMAGE": function.get("image", "")}
    resolved: dict[str, Any] = substitute(dict(function), inputs, f"Function {step['name']}: spec")
    return resolved


def _output_dir(plan: TaskPlan, step: Mapping[str, Any], values: Mapping[str, str]) -> str | None:
    """Give the directory that ``update-status`` would read."""
    args = plan.functions.get(step["name"], {}).get("args") or [_STASHS_OUTPUT]
    given = next((one for one in args if one.startswith(_OUTPUT_FLAG)), _OUTPUT_FLAG)
    path = f"Function {step['name']}: spec.args"
    resolved: str = substitute(given, {**_params(step), **values}, path)
    return resolved.removeprefix(_OUTPUT_FLAG) or None


def _params(step: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in step.get("params") or []}
