"""Verbs on repositories: status, check, prune, unlock, migrate, rebuild-index."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.cli.console import Columns, Exit, confirm, recorded_verb, show, tell, verb
from airflow_provider_stash.steps.results import human_size, now, rfc3339, seconds_since

if TYPE_CHECKING:
    from airflow_provider_stash.restic.repository import Repository

_STATUS: Columns = {
    "repository": "connection",
    "integrity": "integrity",
    "size": lambda row: human_size(row["totalSize"]),
    "snapshots": "snapshotCount",
    "first backup": "firstBackupTime",
    "last backup": "lastBackupTime",
    "told at": "time",
    "location": "location",
}


def repository_of(conn_id: str) -> Repository:
    """Read a restic connection."""
    from airflow_provider_stash.hooks.restic import ResticHook

    return ResticHook(conn_id).get_repository()


@verb
def status(args: Namespace) -> None:
    """Tell the status of repositories: what the last session told, or what restic tells now."""
    from airflow_provider_stash.cli.events import last_status

    told = last_status()
    rows = []
    for conn_id in args.conn_ids or sorted(told):
        if conn_id in told and not args.ask_restic:
            rows.append(told[conn_id])
        else:
            rows.append(_ask_restic(conn_id, told.get(conn_id)))
    if not rows:
        tell("No session has told of a repository yet; name a restic connection to ask restic.")
    # The list of snapshots has a verb of its own.
    show(args, [{key: row[key] for key in row if key != "snapshots"} for row in rows], _STATUS)


def _ask_restic(conn_id: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    from airflow_provider_stash.steps.status import repository_status

    current = repository_status(
        repository_of(conn_id), integrity=told["integrity"] if told else None, newest=0
    )
    return {"connection": conn_id, **current, "time": rfc3339(now())}


@recorded_verb
def check(args: Namespace) -> Exit | None:
    """Check the integrity of a repository."""
    from airflow_provider_stash.steps.check import check_integrity

    result = check_integrity(
        repository_of(args.conn_id),
        read_data=args.read_data,
        read_data_subset=args.read_data_subset,
        lock_timeout=args.lock_timeout,
    )
    show(
        args,
        [result],
        {
            "integrity": "integrity",
            "data read": "readData",
            "errors": lambda row: len(row["errors"]),
            "seconds": "duration",
        },
    )
    return None if result["integrity"] else Exit.DAMAGED


@recorded_verb
def prune(args: Namespace) -> None:
    """Free the space of data that no snapshot needs."""
    from airflow_provider_stash.restic.prune import PruneOptions
    from airflow_provider_stash.steps.maintenance import prune_repository

    options = PruneOptions(
        max_unused=args.max_unused,
        max_repack_size=args.max_repack_size,
        repack_uncompressed=args.repack_uncompressed,
        dry_run=args.dry_run,
    )
    repository = repository_of(args.conn_id)
    if not args.dry_run:
        confirm(args, f"{repository.redacted_location} will be pruned; backups wait meanwhile.")
    _show_freed(args, prune_repository(repository, options, lock_timeout=args.lock_timeout))


def _show_freed(args: Namespace, result: Mapping[str, Any]) -> None:
    show(
        args,
        [result],
        {
            "would free" if result["dryRun"] else "freed": lambda row: (
                None if row["freed"] is None else human_size(row["freed"])
            ),
            "seconds": "duration",
        },
    )


@recorded_verb
def unlock(args: Namespace) -> None:
    """Show the locks of a repository, and remove those that are stale."""
    from airflow_provider_stash.restic import locks

    repository = repository_of(args.conn_id)
    before = locks.list_locks(repository)
    if before:
        if args.remove_all:
            holders = ", ".join(f"{lock.host} (process {lock.pid})" for lock in before)
            confirm(
                args,
                f"All {len(before)} locks of {repository.redacted_location} will be removed, held by {holders}. A "
                "prune beside a process that is still at work damages the repository.",
            )
        locks.unlock(repository, remove_all=args.remove_all)
    left = {lock.id for lock in locks.list_locks(repository)} if before else set()
    rows = [
        {
            "id": lock.id,
            "time": rfc3339(lock.time),
            "exclusive": lock.exclusive,
            "host": lock.host,
            "user": lock.user,
            "pid": lock.pid,
            "removed": lock.id not in left,
        }
        for lock in before
    ]
    if not rows:
        tell(f"{repository.redacted_location} is not locked.")
    show(
        args,
        rows,
        {
            "lock": lambda row: row["id"][:8],
            "time": "time",
            "exclusive": "exclusive",
            "host": "host",
            "user": "user",
            "pid": "pid",
            "removed": "removed",
        },
    )


@recorded_verb
def migrate(args: Namespace) -> None:
    """Migrate a repository to format 2, and compress what is there if asked."""
    from airflow_provider_stash.restic.prune import PruneOptions
    from airflow_provider_stash.steps.maintenance import migrate_repository, prune_repository

    repository = repository_of(args.conn_id)
    confirm(
        args,
        f"{repository.redacted_location} will be of format 2; restic before 0.14, Stash's among them, can't open it "
        "any more, and there is no way back.",
    )
    result = migrate_repository(repository, lock_timeout=args.lock_timeout)
    if args.compress:
        options = PruneOptions(repack_uncompressed=True)
        prune_repository(repository, options, lock_timeout=args.lock_timeout)
    show(
        args,
        [result],
        {"migrated": "migrated", "format": "version"},
    )


@recorded_verb
def rebuild_index(args: Namespace) -> None:
    """Make the index of a repository anew."""
    from airflow_provider_stash.restic import repair

    repository = repository_of(args.conn_id)
    confirm(args, f"The index of {repository.redacted_location} will be made anew; backups wait meanwhile.")
    begin = now()
    repair.rebuild_index(
        repository, read_all_packs=args.read_all_packs, lock_timeout=args.lock_timeout, follow=tell
    )
    show(
        args,
        [{"connection": args.conn_id, "duration": seconds_since(begin)}],
        {"repository": "connection", "seconds": "duration"},
    )
