"""The values of Stash's variables for one session of a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.model import HOST
from airflow_provider_stash.resources.repository import Repository

TMP = "/stash-tmp"
"""Where all containers of a Task share a directory, in Stash v2024.9.30."""

INTERIM_VOLUME = "/stash-interim-volume"
"""Where they have the interim volume, if there is one."""

_INTERIM = f"{INTERIM_VOLUME}/data"
_NO_INTERIM = f"{TMP}/stash-interim-volume/data"
_MOUNT = "/stash-data"
_RETENTION = ("keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly")


def task_variables(
    session: Any,
    member: Any,
    *,
    repository: Repository | None,
    binding: AppBinding | None,
    rule: Any = None,
) -> dict[str, str]:
    """
    Give Stash's variables; those that a run alone knows (``run_variables``) are empty.

    What Stash leaves out is absent, so that a default is taken; what it sets to an empty text is empty.

    :param session: the BackupConfiguration, RestoreSession or batch.
    :param member: the target's part of it.
    :param repository: None: not known.
    :param binding: the target; None: not known.
    :param rule: of a restore, the one that the target's host has.
    """
    backup = session.kind.startswith("Backup")
    host = member.target.alias or HOST
    variables = {
        "NAMESPACE": session.namespace,
        "INVOKER_KIND": session.kind,
        "INVOKER_NAME": session.name,
        **run_variables("", "", restores=not backup, interim_volume=bool(member.interim_volume_template)),
        "PROMETHEUS_JOB_NAME": session.name,
        "HOSTNAME": host,
        "ENABLE_CACHE": _truth(not member.temp_dir.disable_caching),
        "LICENSE_APISERVICE": "",
        **_of_target(session, member, binding),
        **nice_variables(member.runtime_settings.container.dump()),
    }
    if not backup:
        variables["RESTORE_SESSION"] = session.name
    if repository is not None:
        variables |= _of_repository(repository)
    if backup:
        variables |= _of_retention(session.spec.retention_policy)
        variables["TARGET_PATHS"] = ",".join(member.target.paths) or _MOUNT
    else:
        variables |= _of_rule(rule, host)
    return variables


def run_variables(
    session_name: str, pushgateway_url: str, *, restores: bool, interim_volume: bool
) -> dict[str, str]:
    """
    Give the variables that a run alone knows.

    :param session_name: of the BackupSession: here of the run. A restore has the RestoreSession's.
    :param pushgateway_url: where containers push metrics to; empty: nowhere.
    :param interim_volume: whether there is one.
    """
    session = {} if restores else {"BACKUP_SESSION": session_name}
    return {
        **session,
        "PROMETHEUS_PUSHGATEWAY_URL": pushgateway_url,
        "INTERIM_DATA_DIR": _INTERIM if interim_volume else _NO_INTERIM,
    }


def _of_target(session: Any, member: Any, binding: AppBinding | None) -> dict[str, str]:
    target = member.target
    mounts = target.volume_mounts
    variables = {
        "TARGET_MOUNT_PATH": mounts[0].get("mountPath", _MOUNT) if mounts else _MOUNT,
        "TARGET_APP_REPLICAS": str(target.replicas or 1),
    }
    if_any = {
        "TARGET_API_VERSION": target.ref.api_version,
        "TARGET_KIND": target.ref.kind,
        "TARGET_NAMESPACE": target.ref.namespace or session.namespace,
        "TARGET_NAME": target.ref.name,
        "EXCLUDE_PATTERNS": ",".join(getattr(target, "exclude", [])),
        "DRIVER_ARGS": " ".join(target.args),
    }
    if binding is not None:
        if_any |= {
            "TARGET_APP_VERSION": binding.spec.version,
            "TARGET_APP_TYPE": binding.spec.type,
            "TARGET_APP_GROUP": binding.spec.app_group,
            "TARGET_APP_RESOURCE": binding.spec.app_resource,
        }
    return variables | {name: value for name, value in if_any.items() if value}


def _of_repository(repository: Repository) -> dict[str, str]:
    backend = repository.spec.backend
    variables = {
        "REPOSITORY_NAME": repository.name,
        "REPOSITORY_NAMESPACE": repository.namespace,
        "REPOSITORY_PROVIDER": backend.provider,
        "REPOSITORY_BUCKET": backend.container,
        "REPOSITORY_PREFIX": backend.prefix,
        "MAX_CONNECTIONS": str(backend.max_connections),
    }
    if backend.s3 or backend.rest:
        variables["REPOSITORY_ENDPOINT"] = backend.endpoint
    if backend.rest:
        variables["REPOSITORY_URL"] = backend.rest.url
    if backend.s3:
        variables["REPOSITORY_REGION"] = backend.region
        variables["REPOSITORY_INSECURE_TLS"] = _truth(backend.s3.insecure_tls)
    if backend.storage_secret_name:
        variables["REPOSITORY_SECRET_NAME"] = backend.storage_secret_name
        variables["REPOSITORY_SECRET_NAMESPACE"] = repository.namespace
    return variables


def _of_retention(policy: Any) -> dict[str, str]:
    given = policy.dump()
    variables = {
        "RETENTION_" + "".join(f"_{c}" if c.isupper() else c.upper() for c in name): str(given[name])
        for name in _RETENTION
        if given.get(name)
    }
    if policy.keep_tags:
        variables["RETENTION_KEEP_TAGS"] = ",".join(policy.keep_tags)
    if policy.prune:
        variables["RETENTION_PRUNE"] = "true"
    if policy.dry_run:
        variables["RETENTION_DRY_RUN"] = "true"
    return variables


def _of_rule(rule: Any, host: str) -> dict[str, str]:
    return {
        "SOURCE_HOSTNAME": (rule.source_host if rule else "") or host,
        "RESTORE_PATHS": ",".join(rule.paths) if rule else "",
        "RESTORE_SNAPSHOTS": ",".join(rule.snapshots) if rule else "",
        "INCLUDE_PATTERNS": ",".join(rule.include) if rule else "",
        "EXCLUDE_PATTERNS": ",".join(rule.exclude) if rule else "",
    }


def nice_variables(container: Mapping[str, Any]) -> dict[str, str]:
    """
    Give what throttles a container's processes, as Stash's variables; absent where nothing is said.

    :param container: Stash's ``runtimeSettings.container``, as in YAML.
    """
    nice, ionice = container.get("nice") or {}, container.get("ionice") or {}
    values = {
        "NICE_ADJUSTMENT": nice.get("adjustment"),
        "IONICE_CLASS": ionice.get("class"),
        "IONICE_CLASS_DATA": ionice.get("classData"),
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _truth(value: bool) -> str:
    return "true" if value else "false"
