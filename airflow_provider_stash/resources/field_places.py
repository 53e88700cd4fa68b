"""Where each field of a manifest goes. docs/manifests.md holds the same table for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """
    One field of a manifest and where it went.

    :param field: its path, such as ``spec.retentionPolicy.keepLast``.
    :param value: what it says.
    :param place: where that went: a DAG's argument, a task's; or why it has no effect.
    """

    field: str
    value: Any
    place: str


_JOB = "the Jobs, where there are any: a restore's in Kubernetes, the steps' by ManifestSettings.execution"

_METADATA = {
    "metadata": "no effect",
    "metadata.name": "the DAG's id",
    "metadata.namespace": "the DAG's id, a tag and its owner; where names are looked up",
    "status": "no effect: what Stash last found",
}
_MEMBER = {
    "task.name": "the steps: etcd's",
    "task.params": "see each parameter",
    "target.alias": "restic host",
    "target.ref": "the etcd connection; a tag",
    "runtimeSettings": _JOB,
    "tempDir": _JOB,
    "tempDir.disableCaching": "restic's cache: off where true",
    "interimVolumeTemplate": _JOB,
}
_BACKUP_MEMBER = {
    **_MEMBER,
    "hooks.preBackup": "task pre_backup, before the backup",
    "hooks.postBackup": "task post_backup, after the backup, by executionPolicy",
}
_RESTORE_MEMBER = {
    **_MEMBER,
    "target.rules": "the snapshot that the form offers, and its restic host",
    "hooks.preRestore": "task pre_restore, before the members are stopped",
    "hooks.postRestore": "task post_restore, after the restore, by executionPolicy",
}
_SESSION = {
    "driver": "restic",
    "repository": "the restic connection; a tag",
    "schedule": "the DAG's schedule",
    "retentionPolicy": "task forget",
    "retentionPolicy.name": "no effect: a name for people",
    "paused": "the DAG is paused when it is first seen",
    "backupHistoryLimit": "no effect: Airflow keeps its runs until `airflow db clean`",
    "timeOut": "the DAG's dagrun_timeout",
    "retryConfig.maxRetry": "each task's retries",
    "retryConfig.delay": "each task's retry_delay",
    "executionOrder": "members side by side, or one after another",
}
_RESTORE_TIMEOUT = "each task's execution_timeout: a run that ends as a whole would have no way back"

PLACES: Mapping[str, Mapping[str, str]] = {
    "BackupConfiguration": _METADATA | {f"spec.{k}": v for k, v in {**_SESSION, **_BACKUP_MEMBER}.items()},
    "BackupBatch": _METADATA
    | {f"spec.{k}": v for k, v in _SESSION.items()}
    | {f"spec.members[].{k}": v for k, v in _BACKUP_MEMBER.items()}
    | {
        "spec.runtimeSettings": "no effect: in Stash the CronJob's alone; the Jobs take those of each member",
        "spec.hooks.preBackup": "task pre_backup, before all members",
        "spec.hooks.postBackup": "task post_backup, after all members, by executionPolicy",
    },
    "RestoreSession": _METADATA
    | {f"spec.{k}": v for k, v in _RESTORE_MEMBER.items()}
    | {
        "spec.driver": "restic",
        "spec.repository": _SESSION["repository"],
        "spec.rules": _RESTORE_MEMBER["target.rules"],
        "spec.timeOut": _RESTORE_TIMEOUT,
    },
    "RestoreBatch": _METADATA
    | {f"spec.members[].{k}": v for k, v in _RESTORE_MEMBER.items()}
    | {
        "spec.driver": "restic",
        "spec.repository": _SESSION["repository"],
        "spec.executionOrder": _SESSION["executionOrder"],
        "spec.timeOut": _RESTORE_TIMEOUT,
        "spec.hooks.preRestore": "task pre_restore, before all members",
        "spec.hooks.postRestore": "task post_restore, after all members, by executionPolicy",
    },
}
"""By kind, then by the field's path (``[]`` for any index); a field has the place of the nearest one above it."""

_NO_ETCD = "an etcd snapshot is the whole database, read from the cluster's API"
REFUSED_FIELDS: Mapping[str, str] = {
    "target.paths": f"can't be meant here: {_NO_ETCD}.",
    "target.exclude": f"can't be meant here: {_NO_ETCD}.",
    "target.args": f"can't be meant here: it is for restic on files; {_NO_ETCD}.",
    "target.volumeMounts": f"can't be meant here: {_NO_ETCD}.",
    "target.replicas": "can't be meant here: it is for volumes of a workload.",
    "target.snapshotClassName": "can't be done here: it is for volume snapshots.",
    "target.volumeClaimTemplates": "can't be done here: it is for volumes.",
}
"""By the path within a member; what else Stash can do, and an etcd cluster can't have done to it."""

OWN_TASK_FIELDS: Mapping[str, str] = {
    "target.paths": "variable TARGET_PATHS of the Task and its Functions",
    "target.exclude": "variable EXCLUDE_PATTERNS of the Task and its Functions",
    "target.args": "variable DRIVER_ARGS of the Task and its Functions",
}
"""Those of them that a Task of the user's own may read."""


def places_of(kind: str, document: Mapping[str, Any], own: Mapping[str, str]) -> Iterator[FieldPlace]:
    """
    Tell of every field where it goes; apiVersion and kind are left out.

    :param kind: of the object.
    :param document: the object.
    :param own: places that this object alone knows, by path; they go before the table's.
    :raises KeyError: a field that the table does not know.
    """
    for path, value in leaves(document):
        if path not in {"apiVersion", "kind"}:
            yield FieldPlace(path, value, own.get(_nearest(path, own)) or place_of(kind, path))


def place_of(kind: str, field: str) -> str:
    """
    Look up where a field goes.

    :param kind: of the object.
    :param field: its path.
    :raises KeyError: the table does not know.
    """
    places = PLACES[kind]
    return places[_nearest(re.sub(r"\[\d+\]", "[]", field), places)]


def _nearest(path: str, places: Mapping[str, str]) -> str:
    """Give the path, or that of the nearest above it that has a place; empty where none has."""
    while path and path not in places:
        path = re.sub(r"(\[\d*\]|\.?[^.\[\]]+)$", "", path)
    return path


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each field that holds a value of its own, with its path; a list of plain values is one value."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from leaves(one, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for index, one in enumerate(value):
            yield from leaves(one, f"{path}[{index}]")
    else:
        yield path, value
