"""BackupBlueprint: makes the Repository and BackupConfiguration of each AppBinding whose annotations ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.backup import BackupBlueprint, BackupConfiguration
from airflow_provider_stash.resources.load import Loaded, Manifests
from airflow_provider_stash.resources.model import APPCATALOG_V1ALPHA1, STASH_V1ALPHA1, STASH_V1BETA1
from airflow_provider_stash.resources.refusal import Refusal, Refused, describe, nearest
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.resources.variables import substitute

BLUEPRINT = "stash.appscode.com/backup-blueprint"
SCHEDULE = "stash.appscode.com/schedule"
PARAMS = "params.stash.appscode.com/"
_REPOSITORY_FIELDS = ("backend", "wipeOut", "usagePolicy")
_OF_BLUEPRINT_ALONE = ("backupNamespace", "repoNamespace")


def expand(manifests: Manifests, binding: Loaded) -> Iterator[tuple[Loaded, Loaded] | Refusal]:
    """
    Make what the blueprints of an AppBinding's annotations make: pairs of BackupConfiguration and Repository.

    They are named as Stash names them: ``app-NAME`` in the AppBinding's namespace, ``NAMESPACE-app-NAME`` in the
    blueprint's ``backupNamespace``; with several blueprints, with the blueprint's name behind it.
    """
    annotations = binding.object.metadata.annotations
    names = [name.strip() for name in annotations.get(BLUEPRINT, "").split(",") if name.strip()]
    for name in names:
        found = manifests.find(BackupBlueprint, "", name)
        if found is None:
            known = [one.object.name for one in manifests.all(BackupBlueprint)]
            yield binding.refusal(
                f"metadata.annotations.{BLUEPRINT}",
                f"There is no BackupBlueprint {name!r} in the manifests.{nearest(name, known)}",
            )
            continue
        try:
            yield _made(found, binding, f"-{name}" if len(names) > 1 else "")
        except Refused as error:
            yield found.refusal(f"spec.{error.field}" if error.field else "", error.sentence)
        except ValidationError as error:
            for path, sentence in describe(error, BackupConfiguration):
                yield found.refusal(path, f"{sentence} (as it is for {binding.object})")


def variables_of(binding: AppBinding) -> dict[str, str]:
    """Give the variables that a blueprint may use."""
    return {
        "TARGET_API_VERSION": APPCATALOG_V1ALPHA1,
        "TARGET_KIND": "appbinding",  # Stash writes it in lower case
        "TARGET_RESOURCE": "appbindings",
        "TARGET_NAMESPACE": binding.namespace,
        "TARGET_NAME": binding.name,
        "TARGET_APP_VERSION": binding.spec.version,
        "TARGET_APP_TYPE": binding.spec.type,
        "TARGET_APP_GROUP": binding.spec.app_group,
        "TARGET_APP_RESOURCE": binding.spec.app_resource,
    }


def _made(blueprint: Loaded, binding: Loaded, suffix: str) -> tuple[Loaded, Loaded]:
    target: AppBinding = binding.object
    spec: dict[str, Any] = substitute(blueprint.object.dump()["spec"], variables_of(target))
    namespace = spec.get("backupNamespace") or target.namespace
    other = "" if namespace == target.namespace else f"{target.namespace}-"
    name = f"{other}app-{target.name}{suffix}"
    repository: dict[str, Any] = {
        "apiVersion": STASH_V1ALPHA1,
        "kind": "Repository",
        "metadata": {"name": name, "namespace": spec.get("repoNamespace") or namespace},
        "spec": {field: spec[field] for field in _REPOSITORY_FIELDS if field in spec},
    }
    configuration: dict[str, Any] = {
        "apiVersion": STASH_V1BETA1,
        "kind": "BackupConfiguration",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **{k: v for k, v in spec.items() if k not in (*_REPOSITORY_FIELDS, *_OF_BLUEPRINT_ALONE)},
            "task": _task(spec, target),
            "repository": {"name": name, "namespace": repository["metadata"]["namespace"]},
            "target": {
                "ref": {
                    "apiVersion": APPCATALOG_V1ALPHA1,
                    "kind": "AppBinding",
                    "namespace": target.namespace,
                    "name": target.name,
                }
            },
        },
    }
    if SCHEDULE in target.metadata.annotations:
        configuration["spec"]["schedule"] = target.metadata.annotations[SCHEDULE]
    return (
        Loaded(BackupConfiguration.model_validate(configuration), binding.file, binding.line),
        Loaded(Repository.model_validate(repository), blueprint.file, blueprint.line),
    )


def _task(spec: dict[str, Any], target: AppBinding) -> dict[str, Any]:
    task = dict(spec.get("task") or {})
    params = {one["name"]: one.get("value", "") for one in task.get("params") or []}
    for annotation, value in target.metadata.annotations.items():
        if annotation.startswith(PARAMS):
            params[annotation.removeprefix(PARAMS)] = value
    if params:
        task["params"] = [{"name": name, "value": value} for name, value in params.items()]
    return task
