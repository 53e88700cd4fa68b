"""Applies the retention policy to a repository."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.forget import forget
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import Snapshot
from airflow_provider_stash.steps.clusters import hosts_of_several_clusters
from airflow_provider_stash.steps.layout import SNAPSHOT_PATHS
from airflow_provider_stash.steps.results import human_size, now, seconds_since
from airflow_provider_stash.steps.status import listed

log = logging.getLogger(__name__)


def apply_retention(
    repository: Repository,
    policy: RetentionPolicy,
    *,
    hostname: str | None = None,
    tags: Sequence[str] = (),
    lock_timeout: float = 600.0,
) -> dict[str, Any]:
    """
    Forget the snapshots that the retention policy does not keep: those that Stash made count with our own.

    :param hostname: only snapshots of this restic host; None: of every host, each by itself.
    :param tags: only snapshots that have all of these tags.
    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``kept`` and ``removed`` (ids), ``reasons`` (by id), ``freed`` (bytes; None: restic didn't
        tell), ``dryRun``, ``pruned``, ``duration``; unless it was a dry run ``listed``, what is told of those kept, see
        ``steps.status.listed``.
    :raises InvalidConfigurationError: several clusters are backed up in turn under one host: one's snapshots would be
        removed for another's. Nothing was pruned.
    """
    begin = now()
    result = forget(
        repository,
        policy,
        host=hostname,
        tags=tags,
        one_series=SNAPSHOT_PATHS,
        before_prune=partial(_require_one_cluster_a_host, repository),
        lock_timeout=lock_timeout,
    )
    freed = result.freed_bytes
    log.info(
        "%s %d snapshots, kept %d%s",
        "Would remove" if policy.dry_run else "Removed",
        len(result.removed),
        len(result.kept),
        "" if freed is None else f", freed {human_size(freed)}",
    )
    return {
        "kept": [one.id for one in result.kept],
        "removed": list(result.removed),
        "reasons": {key: list(value) for key, value in result.reasons.items()},
        "freed": freed,
        "dryRun": policy.dry_run,
        "pruned": policy.prune and not policy.dry_run,
        "listed": None if policy.dry_run else listed(result.kept),
        "duration": seconds_since(begin),
    }


def _require_one_cluster_a_host(repository: Repository, snapshots: Sequence[Snapshot]) -> None:
    # After restic's forget, not before: to look at a list first would take half a second of each backup.
    for host, clusters in hosts_of_several_clusters(snapshots).items():
        raise InvalidConfigurationError(
            f"{len(clusters)} etcd clusters ({', '.join(clusters)}) are backed up under the one restic host {host!r} "
            f"of {repository.redacted_location}: the retention policy counts them as one, and removes snapshots of "
            "each for the other's. The data of what it removed was not pruned. Give each cluster a hostname of its "
            "own, in its backup and restore DAGs; after ten snapshots of one alone this ends."
        )
