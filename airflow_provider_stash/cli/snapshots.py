"""Verbs on snapshots: list, delete, download."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_stash.cli.console import Columns, confirm, recorded_verb, show, tell, verb
from airflow_provider_stash.cli.repositories import repository_of
from airflow_provider_stash.exceptions import InvalidConfigurationError, SnapshotNotFoundError
from airflow_provider_stash.restic.snapshots import list_snapshots
from airflow_provider_stash.steps.resolve import resolve_snapshot, snapshot_result
from airflow_provider_stash.steps.results import human_size

_COLUMNS: Columns = {
    "snapshot": lambda row: row["snapshot"][:8],
    "time": "time",
    "host": "hostname",
    "revision": "revision",
    "keys": "keyCount",
    "size": lambda row: None if row["totalSize"] is None else human_size(row["totalSize"]),
    "etcd": "etcdVersion",
    # The others are columns of their own, or long.
    "tags": lambda row: [tag for tag in row["tags"] if "=" not in tag],
    "paths": "paths",
}


@verb
def list_(args: Namespace) -> None:
    """List the snapshots of a repository, the newest first."""
    wanted = set(args.tag or ())
    found = [
        one
        for one in list_snapshots(repository_of(args.conn_id))
        if (args.hostname in {None, one.host}) and wanted <= set(one.tags)
    ]
    found.sort(key=lambda one: one.time, reverse=True)
    if not found:
        tell("No snapshot fits.")
    show(args, [snapshot_result(one) for one in found[: args.limit]], _COLUMNS)


@recorded_verb
def delete(args: Namespace) -> None:
    """Delete snapshots."""
    from airflow_provider_stash.restic.delete import delete_snapshots

    repository = repository_of(args.conn_id)
    chosen = choose(
        [snapshot_result(one) for one in list_snapshots(repository)],
        args.snapshots,
        repository.redacted_location,
    )
    show(args, chosen, _COLUMNS)
    confirm(args, f"These {len(chosen)} snapshots of {repository.redacted_location} will be deleted.")
    delete_snapshots(repository, [one["snapshot"] for one in chosen], lock_timeout=args.lock_timeout)
    if args.prune:
        from airflow_provider_stash.restic.prune import PruneOptions
        from airflow_provider_stash.steps.maintenance import prune_repository

        prune_repository(repository, PruneOptions(), lock_timeout=args.lock_timeout)


def choose(there: Sequence[dict[str, Any]], wanted: Sequence[str], location: str) -> list[dict[str, Any]]:
    """
    Find the snapshots meant; each once.

    :raises SnapshotNotFoundError: none begins so, or several do.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for prefix in wanted:
        fitting = [one for one in there if prefix and one["snapshot"].startswith(prefix.lower())]
        if len(fitting) != 1:
            raise SnapshotNotFoundError(
                f"{len(fitting) or 'No'} snapshots in {location} begin with {prefix!r}, where one is wanted. "
                "Nothing was deleted; 'airflow stash snapshots list' tells the ids."
            )
        chosen[fitting[0]["snapshot"]] = fitting[0]
    return list(chosen.values())


@verb
def download(args: Namespace) -> None:
    """Download the etcd snapshot file, and verify its sha256."""
    from airflow_provider_stash.restic.ls import find_file
    from airflow_provider_stash.steps.fetch import ETCD_FILE
    from airflow_provider_stash.steps.fetch import download as fetch

    target = Path(args.destination).absolute()
    if target.exists():
        raise InvalidConfigurationError(f"{target} is there already; name another file with --destination.")
    if not target.parent.is_dir():
        raise InvalidConfigurationError(f"There is no directory {target.parent}; make it first.")
    repository = repository_of(args.conn_id)
    snapshot = resolve_snapshot(repository, snapshot=args.snapshot, hostname=args.hostname)
    found = find_file(repository, snapshot["snapshot"], ETCD_FILE)
    # Beside the target, so that a whole file takes its name at once.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".stash-download-") as work:
        file = Path(work, "snapshot", ETCD_FILE)
        sha256 = fetch(repository, snapshot["snapshot"], found, file)
        file.rename(target)
    show(
        args,
        [{"file": str(target), "totalSize": found.size, "sha256": sha256, **_identity(snapshot)}],
        {
            "file": "file",
            "snapshot": lambda row: row["snapshot"][:8],
            "time": "time",
            "size": lambda row: human_size(row["totalSize"]),
            "sha256": "sha256",
        },
    )


def _identity(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {key: snapshot[key] for key in ("snapshot", "time", "hostname", "revision", "keyCount")}
