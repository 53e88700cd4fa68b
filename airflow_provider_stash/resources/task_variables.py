"""The values of Stash's variables for one session of a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.model import HOST
from airflow_provider_stash.resources.repository import Repository

_INTERIM = "/stash-interim-volume/data"
_NO_INTERIM = "/tmp/stash-interim-volume/data"  # noqa: S108 - in the container, as Stash has it
_MOUNT = "/stash-data"
_RETENTION = ("keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly")


def task_variables(
    session: Any,
    member: Any,
    *,
    params: Mapping[str, str],
    repository: Repository | None,
    binding: AppBinding | None,
    rule: Any = None,
    session_name: str = "",
    pushgateway_url: str = "",
) -> dict[str, str]:
    """
    Give Stash's variables; the target's own parameters go before them all.

    :param session: the BackupConfiguration, RestoreSession or batch.
    :param member: the target's part of it.
    :param params: the target's parameters for its Task.
    :param repository: None: not known.
    :param binding: the target; None: not known.
    :param rule: of a restore, the one that the target's host has.
    :param session_name: of the BackupSession, here of the run.
    :param pushgateway_url: where containers push metrics to.
    """
    backup = session.kind.startswith("Backup")
    host = member.target.alias or HOST
    variables = {
        "NAMESPACE": session.namespace,
        "INVOKER_KIND": session.kind,
        "INVOKER_NAME": session.name,
        "BACKUP_SESSION" if backup else "RESTORE_SESSION": session_name if backup else session.name,
        "PROMETHEUS_JOB_NAME": session.name,
        "PROMETHEUS_PUSHGATEWAY_URL": pushgateway_url,
        "HOSTNAME": host,
        "ENABLE_CACHE": _truth(not member.temp_dir.disable_caching),
        "INTERIM_DATA_DIR": _INTERIM if member.interim_volume_template else _NO_INTERIM,
        "LICENSE_APISERVICE": "",
        **_of_target(session, member, binding),
        **_of_runtime(member.runtime_settings.container),
    }
    if repository is not None:
        variables |= _of_repository(repository)
    if backup:
        variables |= _of_retention(session.spec.retention_policy)
        variables["TARGET_PATHS"] = ",".join(member.target.paths) or _MOUNT
    else:
        variables |= _of_rule(rule, host)
    return {**variables, **params}


def _of_target(session: Any, member: Any, binding: AppBinding | None) -> dict[str, str]:
    target = member.target
    mounts = target.volume_mounts
    variables = {
        "TARGET_API_VERSION": target.ref.api_version,
        "TARGET_KIND": target.ref.kind,
        "TARGET_NAMESPACE": target.ref.namespace or session.namespace,
        "TARGET_NAME": target.ref.name,
        "TARGET_MOUNT_PATH": mounts[0].get("mountPath", _MOUNT) if mounts else _MOUNT,
        "TARGET_APP_REPLICAS": str(target.replicas or 1),
        "EXCLUDE_PATTERNS": ",".join(getattr(target, "exclude", [])),
        "DRIVER_ARGS": " ".join(target.args),
    }
    if binding is not None:
        variables |= {
            "TARGET_APP_VERSION": binding.spec.version,
            "TARGET_APP_TYPE": binding.spec.type,
            "TARGET_APP_GROUP": binding.spec.app_group,
            "TARGET_APP_RESOURCE": binding.spec.app_resource,
        }
    return variables


def _of_repository(repository: Repository) -> dict[str, str]:
    backend = repository.spec.backend
    variables = {
        "REPOSITORY_NAME": repository.name,
        "REPOSITORY_NAMESPACE": repository.namespace,
        "REPOSITORY_PROVIDER": backend.provider,
        "REPOSITORY_BUCKET": backend.container,
        "REPOSITORY_PREFIX": backend.prefix,
        "REPOSITORY_ENDPOINT": backend.endpoint,
        "REPOSITORY_URL": backend.rest.url if backend.rest else "",
        "REPOSITORY_REGION": backend.region,
        "MAX_CONNECTIONS": str(backend.max_connections),
    }
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


def _of_runtime(settings: Any) -> dict[str, str]:
    """Give what throttles a process; absent where nothing is said."""
    values = {
        "NICE_ADJUSTMENT": settings.nice.adjustment if settings.nice else None,
        "IONICE_CLASS": settings.ionice.class_ if settings.ionice else None,
        "IONICE_CLASS_DATA": settings.ionice.class_data if settings.ionice else None,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _truth(value: bool) -> str:
    return "true" if value else "false"
