"""Applies a retention policy (``restic forget``)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import json_lines, run
from airflow_provider_stash.restic.prune import prune
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.restic.snapshots import Snapshot, parse_snapshot

log = logging.getLogger(__name__)

_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """
    What was kept and removed.

    :param kept: their records.
    :param removed: ids; with ``dry_run`` those that would be.
    :param reasons: why, by id of those kept.
    :param freed_bytes: None where nothing was pruned; restic tells it rounded, such as 1.234 MiB.
    """

    kept: tuple[Snapshot, ...]
    removed: tuple[str, ...]
    reasons: Mapping[str, tuple[str, ...]]
    freed_bytes: int | None


def forget(
    repository: Repository,
    policy: RetentionPolicy,
    *,
    host: str | None = None,
    tags: Sequence[str] = (),
    one_series: Collection[tuple[str, ...]] = (),
    before_prune: Callable[[Sequence[Snapshot]], object] | None = None,
    lock_timeout: float = 600.0,
) -> ForgetResult:
    """
    Forget what the policy does not keep, by host and paths; then prune, if asked and if anything was removed.

    :param host: only snapshots of this host.
    :param tags: only snapshots that have all of these tags.
    :param one_series: the paths under which the same data has been backed up, by one program or another. Where
        a host has snapshots of several of them, the policy is applied to all of these together: else each
        would keep its own. A host that has other paths as well is left to restic's groups, with a warning.
    :param before_prune: called with all snapshots that were kept and removed; an error of it keeps their data.
    :param lock_timeout: seconds to wait while the repository is locked.
    :raises ResticError: restic failed.
    """
    groups = _forget(repository, policy, "host,paths", host=host, tags=tags, lock_timeout=lock_timeout)
    removed = []
    for split in _split_hosts(groups, one_series):
        # What the whole keeps is among what its parts kept: nothing was removed too early.
        if not policy.dry_run:
            removed += _removed([group for group in groups if group["host"] == split])
        groups = [group for group in groups if group["host"] != split]
        groups += _forget(repository, policy, "host", host=split, tags=tags, lock_timeout=lock_timeout)
    removed += _removed(groups)
    if before_prune is not None:
        before_prune(
            [
                parse_snapshot(one)
                for group in groups
                for part in ("keep", "remove")
                for one in group[part] or ()
            ]
        )
    freed = None
    if policy.prune and removed and not policy.dry_run:
        freed = prune(repository, lock_timeout=lock_timeout)
    kept = tuple(parse_snapshot(one) for group in groups for one in group["keep"] or ())
    return ForgetResult(kept, tuple(removed), _reasons(groups), freed)


def _removed(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one["id"] for group in groups for one in group["remove"] or ()]


def _forget(
    repository: Repository,
    policy: RetentionPolicy,
    group_by: str,
    *,
    host: str | None,
    tags: Sequence[str],
    lock_timeout: float,
) -> list[dict[str, Any]]:
    arguments = ["forget", "--json", "--group-by", group_by, *policy.arguments()]
    if host is not None:
        arguments += ["--host", host]
    if tags:
        arguments += ["--tag", ",".join(tags)]
    if policy.dry_run:
        arguments.append("--dry-run")
    output = retry_when_locked(lambda: run(repository, arguments), repository, lock_timeout=lock_timeout)
    return [group for line in json_lines(output.stdout) for group in json.loads(line) or []]


def _split_hosts(groups: Sequence[Mapping[str, Any]], one_series: Collection[tuple[str, ...]]) -> list[str]:
    """Give the hosts whose snapshots are of one series, but lie in several of restic's groups."""
    paths: dict[str, set[tuple[str, ...]]] = {}
    for group in groups:
        paths.setdefault(group["host"], set()).add(tuple(group["paths"] or ()))
    split = []
    for host, found in paths.items():
        if len(found & set(one_series)) < _SEVERAL:
            continue
        if found <= set(one_series):
            split.append(host)
        else:
            others = sorted(found - set(one_series))
            log.warning(
                "Host %s has snapshots of %s beside etcd's, so the retention policy is applied to each path by "
                "itself: more snapshots of etcd are kept than it says. Give each target a host of its own.",
                host,
                ", ".join(path for one in others for path in one),
            )
    return split


def _reasons(groups: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Pair reasons with snapshots by time: restic's reasons name their snapshot without its id before 0.17."""
    reasons = {}
    for group in groups:
        ids = {(one["time"], one["tree"]): one["id"] for one in group["keep"] or ()}
        for reason in group.get("reasons") or ():
            snapshot = reason["snapshot"]
            key = ids.get((snapshot["time"], snapshot["tree"]))
            if key is not None:
                reasons[key] = tuple(reason["matches"])
    return reasons
