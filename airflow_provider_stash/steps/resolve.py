"""Chooses the snapshot to restore."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, SnapshotNotFoundError
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import Snapshot, list_snapshots
from airflow_provider_stash.steps.clusters import hosts_of_several_clusters
from airflow_provider_stash.steps.results import parse_rfc3339, rfc3339

log = logging.getLogger(__name__)

_ID = re.compile(r"^[0-9a-f]{4,64}$")
_SHOWN = 5


def resolve_snapshot(
    repository: Repository,
    *,
    snapshot: str = "latest",
    before: str | None = None,
    revision: int | None = None,
    hostname: str | None = None,
    tags: Sequence[str] = (),
) -> dict[str, Any]:
    """
    Choose one snapshot: ``latest``, or an id; the latest before a time, or up to a revision.

    :param snapshot: ``latest``, or a snapshot's id or the beginning of one (4 hexadecimal digits or more).
    :param before: only snapshots taken before this time (RFC 3339; UTC where no offset is given).
    :param revision: only snapshots known to be of this etcd revision or an earlier one.
    :param hostname: only snapshots of this restic host; None: of any. Where an id is given and fits none of it, of any.
    :param tags: only snapshots that have all of these tags.
    :return: the snapshot's record, see ``snapshot_result``.
    :raises SnapshotNotFoundError: none fits, or an id's beginning fits several; or the latest is asked for, and several
        clusters were backed up in turn under one host.
    :raises InvalidConfigurationError: ``before`` is no time, or ``snapshot`` can be no id.
    """
    limit = _parse_before(before)
    wanted = (snapshot or "latest").strip().lower()
    if wanted != "latest" and not _ID.match(wanted):
        raise InvalidConfigurationError(
            f"Snapshot {snapshot!r} can be no id: give 'latest', or 4 to 64 hexadecimal digits."
        )
    everything = list_snapshots(repository)
    fitting = [
        one
        for one in everything
        if set(tags) <= set(one.tags)
        and (limit is None or one.time < limit)
        and (revision is None or _known_revision(one) <= revision)
        and (wanted == "latest" or one.id.startswith(wanted))
    ]
    of_host = [one for one in fitting if hostname is None or one.host == hostname]
    if wanted == "latest" or of_host:
        fitting = of_host
    elif len(fitting) == 1:  # who names a snapshot means it, as in Stash
        log.warning("Snapshot %s is of the host %s, not of %s.", fitting[0].id[:8], fitting[0].host, hostname)
    if not fitting:
        raise SnapshotNotFoundError(_nothing_fits(repository, everything, wanted, hostname))
    if wanted != "latest" and len(fitting) > 1:
        raise SnapshotNotFoundError(
            f"Snapshot {snapshot!r} is ambiguous: {', '.join(one.id[:16] for one in fitting)} begin so. "
            "Give more of the id."
        )
    if wanted == "latest":
        _require_one_cluster(fitting)
    return snapshot_result(max(fitting, key=lambda one: one.time))


def _require_one_cluster(fitting: Sequence[Snapshot]) -> None:
    for host, clusters in hosts_of_several_clusters(fitting).items():
        raise SnapshotNotFoundError(
            f"{len(clusters)} etcd clusters were backed up under the one restic host {host!r}, so the latest may be of "
            "another than this. Name the snapshot by its id. The latest of each: "
            + ", ".join(
                f"{one.id[:8]} of {rfc3339(one.time)} (cluster {id_})" for id_, one in clusters.items()
            )
            + "."
        )


def snapshot_result(snapshot: Snapshot) -> dict[str, Any]:
    """
    Write a snapshot as a plain dict.

    :return: ``snapshot`` (the id), ``time``, ``hostname``, ``paths``, ``tags``, ``totalSize`` (bytes; None
        where restic did not record it), and what the tags tell of
        etcd, else None: ``revision``, ``keyCount``, ``hash``, ``etcdVersion``, ``clusterID``.
    """
    etcd = dict(tag.split("=", 1) for tag in snapshot.tags if tag.startswith("etcd-") and "=" in tag)
    numbers = {name: int(value) for name, value in etcd.items() if value.isdecimal()}
    return {
        "snapshot": snapshot.id,
        "time": rfc3339(snapshot.time),
        "hostname": snapshot.host,
        "paths": list(snapshot.paths),
        "tags": list(snapshot.tags),
        "totalSize": snapshot.size,
        "revision": numbers.get("etcd-revision"),
        "keyCount": numbers.get("etcd-keys"),
        "hash": numbers.get("etcd-hash"),
        "etcdVersion": etcd.get("etcd-version"),
        "clusterID": etcd.get("etcd-cluster-id"),
    }


def _known_revision(snapshot: Snapshot) -> float:
    revision = snapshot_result(snapshot)["revision"]
    return float("inf") if revision is None else float(revision)


def _parse_before(before: str | None) -> datetime | None:
    if not before:
        return None
    try:
        return parse_rfc3339(before)
    except ValueError as error:
        raise InvalidConfigurationError(
            f"'before' is {before!r}, which is no time: write it as 2026-01-31T23:59:00Z."
        ) from error


def _nothing_fits(
    repository: Repository, everything: Sequence[Snapshot], wanted: str, hostname: str | None
) -> str:
    if not everything:
        return f"The repository {repository.redacted_location} holds no snapshot."
    newest = sorted(everything, key=lambda one: one.time, reverse=True)[:_SHOWN]
    known = ", ".join(f"{one.id[:8]} ({rfc3339(one.time)}, host {one.host})" for one in newest)
    asked = "No snapshot fits" if wanted == "latest" else f"No snapshot fits the id {wanted!r}"
    of_host = f" of host {hostname!r}" if hostname else ""
    return (
        f"{asked}{of_host} in {repository.redacted_location}. "
        f"It holds {len(everything)} snapshots; the newest are {known}."
    )
