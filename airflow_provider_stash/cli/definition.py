"""
The verbs of ``airflow stash``: names, arguments, help.

Every start of ``airflow`` loads this module, so the verbs themselves are imported when they are called.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow.cli.cli_config import (
    ARG_VERBOSE,
    ARG_YES,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)

_OUTPUT = Arg(
    ("-o", "--output"),
    choices=("table", "json", "yaml"),
    default="table",
    help="How the result is written (default: table)",
)
_CONNECTION = Arg(("conn_id",), metavar="CONN_ID", help="The restic connection of the repository")
_LOCK_TIMEOUT = Arg(
    ("--lock-timeout",),
    type=float,
    default=600.0,
    metavar="SECONDS",
    help="How long to wait while the repository is locked (default: 600)",
)
_HOSTNAME = Arg(("--hostname",), metavar="HOST", help="Only snapshots of this restic host, such as host-0")
_DAG = Arg(("dag_id",), metavar="DAG_ID", help="The DAG")
_DAGS = Arg(("dag_ids",), metavar="DAG_ID", nargs="+", help="The DAGs")


def _verb(
    name: str, where: str, about: str, args: Iterable[Arg] = (), description: str = ""
) -> ActionCommand:
    return ActionCommand(
        name=name,
        help=about,
        func=lazy_load_command(f"airflow_provider_stash.cli.{where}"),
        args=(*args, ARG_VERBOSE),
        description=description or None,
    )


def get_stash_cli_commands() -> list[CLICommand]:
    """Give Airflow the verbs (provider info: ``cli``)."""
    return [
        GroupCommand(
            name="stash",
            help="Back up and restore etcd: repositories, snapshots, sessions",
            subcommands=(
                *_manifest_verbs(),
                *_repository_verbs(),
                GroupCommand(
                    name="snapshots", help="List, delete or download snapshots", subcommands=_snapshot_verbs()
                ),
                GroupCommand(
                    name="key", help="Manage the passwords of a repository", subcommands=_key_verbs()
                ),
                *_session_verbs(),
            ),
        )
    ]


def _manifest_verbs() -> tuple[ActionCommand, ...]:
    paths = Arg(("paths",), metavar="PATH", nargs="+", help="Manifests: files, or directories with all below")
    return (
        _verb(
            "import",
            "imports.import_",
            "Make Airflow connections of Stash's AppBindings and Repositories",
            (
                paths,
                Arg(
                    ("--print",),
                    choices=("env", "json", "yaml"),
                    help="Print them, passwords too, for a secrets backend; write nothing",
                ),
                ARG_YES,
                _OUTPUT,
            ),
        ),
        _verb(
            "render",
            "render.render",
            "Show what DAGs and tasks Stash's manifests give; exit code 1 when anything is refused",
            (
                paths,
                Arg(
                    ("--execution",),
                    choices=("worker", "kubernetes"),
                    default="worker",
                    help="Where ManifestSettings has the steps run: what needs a cluster is refused in a worker",
                ),
                _OUTPUT,
            ),
        ),
    )


def _repository_verbs() -> tuple[ActionCommand, ...]:
    return (
        _verb(
            "status",
            "repositories.status",
            "Tell the integrity, size, snapshots and last success of repositories",
            (
                Arg(
                    ("conn_ids",),
                    metavar="CONN_ID",
                    nargs="*",
                    help="restic connections (default: all known)",
                ),
                Arg(
                    ("--ask-restic",), action="store_true", help="Ask restic now; else the last session tells"
                ),
                _OUTPUT,
            ),
        ),
        _verb(
            "check",
            "repositories.check",
            "Check the integrity of a repository",
            (
                _CONNECTION,
                Arg(("--read-data",), action="store_true", help="Read and verify all data"),
                Arg(
                    ("--read-data-subset",),
                    metavar="PART",
                    help="Read a part of the data: n/t, a percentage (5%%), a size (1G), or rotate/t",
                ),
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
        _verb(
            "prune",
            "repositories.prune",
            "Free the space of data that no snapshot needs",
            (
                _CONNECTION,
                Arg(
                    ("--max-unused",), metavar="LIMIT", help="Unused data that may stay: 500M, 5%%, unlimited"
                ),
                Arg(("--max-repack-size",), metavar="SIZE", help="How much to repack at most, such as 10G"),
                Arg(
                    ("--repack-uncompressed",),
                    action="store_true",
                    help="Compress what is uncompressed (format 2)",
                ),
                Arg(("--dry-run",), action="store_true", help="Only tell what would be freed"),
                ARG_YES,
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
        _verb(
            "unlock",
            "repositories.unlock",
            "Show and remove stale locks of a repository",
            (
                _CONNECTION,
                Arg(
                    ("--remove-all",),
                    action="store_true",
                    help="Remove every lock, also of a process at work",
                ),
                ARG_YES,
                _OUTPUT,
            ),
        ),
        _verb(
            "migrate",
            "repositories.migrate",
            "Migrate a repository to format 2, which compresses",
            (
                _CONNECTION,
                Arg(("--compress",), action="store_true", help="Compress what is there as well; takes long"),
                ARG_YES,
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
        _verb(
            "rebuild-index",
            "repositories.rebuild_index",
            "Make the index of a repository anew",
            (
                _CONNECTION,
                Arg(("--read-all-packs",), action="store_true", help="Read every pack"),
                ARG_YES,
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
    )


def _snapshot_verbs() -> tuple[ActionCommand, ...]:
    return (
        _verb(
            "list",
            "snapshots.list_",
            "List the snapshots of a repository, the newest first",
            (
                _CONNECTION,
                _HOSTNAME,
                Arg(("--tag",), action="append", metavar="TAG", help="Only those with this tag (repeatable)"),
                Arg(("--limit",), type=int, metavar="N", help="At most so many"),
                _OUTPUT,
            ),
        ),
        _verb(
            "delete",
            "snapshots.delete",
            "Delete snapshots",
            (
                _CONNECTION,
                Arg(("snapshots",), metavar="SNAPSHOT", nargs="+", help="Ids, or the beginnings of them"),
                Arg(("--prune",), action="store_true", help="Free the space of their data too"),
                ARG_YES,
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
        _verb(
            "download",
            "snapshots.download",
            "Download the etcd snapshot file, and verify its sha256",
            (
                _CONNECTION,
                Arg(("snapshot",), metavar="SNAPSHOT", help="An id, the beginning of one, or latest"),
                _HOSTNAME,
                Arg(
                    ("--destination",),
                    metavar="PATH",
                    default="snapshot.db",
                    help="The file to write (default: snapshot.db)",
                ),
                _OUTPUT,
            ),
        ),
    )


def _key_verbs() -> tuple[ActionCommand, ...]:
    new_password = Arg(
        ("--new-password-file",),
        metavar="FILE",
        help="File with the new password, - for standard input (default: it is asked for)",
    )
    return (
        _verb("list", "keys.list_", "List the keys of a repository", (_CONNECTION, _OUTPUT)),
        _verb(
            "add",
            "keys.add",
            "Let a further password open a repository",
            (
                _CONNECTION,
                new_password,
                Arg(("--user",), help="Recorded with the key (default: this user)"),
                Arg(("--host",), help="Recorded with the key (default: this host)"),
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
        _verb(
            "update",
            "keys.update",
            "Change the password that the connection has, there and in the repository",
            (_CONNECTION, new_password, ARG_YES, _LOCK_TIMEOUT, _OUTPUT),
        ),
        _verb(
            "remove",
            "keys.remove",
            "Remove a key: its password opens the repository no more",
            (
                _CONNECTION,
                Arg(("key_id",), metavar="KEY_ID", help="As list tells it"),
                ARG_YES,
                _LOCK_TIMEOUT,
                _OUTPUT,
            ),
        ),
    )


def _session_verbs() -> tuple[ActionCommand, ...]:
    return (
        _verb(
            "trigger",
            "sessions.trigger",
            "Run a backup, restore or other DAG now",
            (
                _DAG,
                Arg(
                    ("-p", "--param"),
                    action="append",
                    metavar="NAME=VALUE",
                    help="A field of its form; the value as JSON, else as text (repeatable)",
                ),
                Arg(("-w", "--wait"), action="store_true", help="Wait for its end; exit code 1 if it failed"),
                ARG_YES,
                _OUTPUT,
            ),
            "Run a backup, restore or other DAG now. A restore that is no dry run needs the cluster's name typed, as "
            "its form does: -p confirm=ETCD_CONN_ID (of a RestoreBatch: -p confirm=BATCH_NAME); --yes does not take "
            "its place.",
        ),
        _verb("pause", "sessions.pause", "Pause DAGs: no new session is scheduled", (_DAGS, _OUTPUT)),
        _verb("resume", "sessions.resume", "Resume paused DAGs", (_DAGS, _OUTPUT)),
        _verb(
            "debug",
            "debug.debug",
            "Show what to look at for a failed session",
            (
                _DAG,
                Arg(
                    ("run_id",),
                    metavar="RUN_ID",
                    nargs="?",
                    help="The run (default: the last failed one, else the last)",
                ),
                Arg(
                    ("--lines",),
                    type=int,
                    default=20,
                    metavar="N",
                    help="Log lines of each failed task (default: 20)",
                ),
                _OUTPUT,
            ),
        ),
    )
