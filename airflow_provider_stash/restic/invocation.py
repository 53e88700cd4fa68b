"""What restic is told of a repository: its environment and its global flags."""

from __future__ import annotations

import os

from airflow_provider_stash.restic.repository import Repository

_FAMILIES = ("AWS_", "AZURE_", "GOOGLE_", "OS_", "ST_", "B2_")


def build_environment(repository: Repository) -> dict[str, str]:
    """
    Make restic's environment: this process's, less what would tell restic of another repository.

    Where the repository brings credentials of a family (``AWS_``, ...), that family's variables of the
    surroundings are left out, so that the two don't mix; else they stay: a pod's own identity.
    """
    given = {*repository.environment, *repository.secret_files}
    families = tuple(family for family in _FAMILIES if any(key.startswith(family) for key in given))
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("RESTIC_") and not (families and key.startswith(families))
    }
    environment.update(repository.environment)
    environment["RESTIC_REPOSITORY"] = repository.location
    environment["RESTIC_PASSWORD"] = repository.password
    return environment


def build_flags(repository: Repository) -> list[str]:
    """Make restic's global flags from a repository's settings."""
    flags: list[str] = []
    options = dict(repository.options)
    if repository.max_connections is not None and repository.scheme != "local":
        options[f"{repository.scheme}.connections"] = str(repository.max_connections)
    for key, value in options.items():
        flags += ["-o", f"{key}={value}"]
    for flag, limit in (
        ("--limit-upload", repository.limit_upload),
        ("--limit-download", repository.limit_download),
    ):
        if limit is not None:
            flags += [flag, str(limit)]
    if repository.insecure_tls:
        flags.append("--insecure-tls")
    if repository.no_cache:
        flags.append("--no-cache")
    elif repository.cache_dir:
        flags += ["--cache-dir", repository.cache_dir]
    return flags
