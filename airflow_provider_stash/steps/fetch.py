"""Downloads the snapshot to restore, proves it good, and says what a restore of it would lose."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.etcd.errors import all_failed
from airflow_provider_stash.etcd.snapshot_file import SnapshotHasher, read_revisions
from airflow_provider_stash.etcd.tools import EtcdTool, find_tool, parse_version
from airflow_provider_stash.exceptions import (
    EtcdOtherMemberError,
    InvalidConfigurationError,
    NoSpaceError,
    SnapshotCorruptError,
)
from airflow_provider_stash.restic.dump import dump
from airflow_provider_stash.restic.ls import SnapshotFile, find_file
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.credentials import repository_secret, repository_settings
from airflow_provider_stash.steps.plan import choose_bump, count_lost, describe, require_same_members
from airflow_provider_stash.steps.rehearse import rehearse
from airflow_provider_stash.steps.results import human_size, member_result, now, seconds_since
from airflow_provider_stash.workloads.base import UNTOUCHED, SnapshotSource, Workload

log = logging.getLogger(__name__)

ETCD_FILE = "snapshot.db"
_COPY = 1 << 20
_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """
    How a snapshot is fetched.

    :param work_dir: where the file goes; None: the system's temporary directory.
    :param etcd_tools: directory or path of etcdutl (or etcdctl); None: PATH.
    :param rehearse: start a throw-away etcd on the data, where an ``etcd`` program is to be found: proves
        that it opens, and tells the exact revision and number of keys.
    :param bump_revision: ``auto``, ``off``, or how far to move revisions on.
    """

    work_dir: str | None = None
    etcd_tools: str | None = None
    rehearse: bool = True
    bump_revision: str | int = "auto"


def check_workload(
    workload: Workload, repository: Repository, *, snapshot: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """
    Look at the place where the members run, for what could stop the restore. Changes nothing.

    :param repository: asked for what the record doesn't tell, unless the members fetch the snapshot by themselves.
    :param snapshot: the record that ``resolve_snapshot`` gave.
    :param key: of the restore, see ``restore_key``.
    :return: see ``Workload.check``.
    :raises StashError: what stands in the way of the restore.
    """
    itself = workload.fills_from_repository
    return workload.check(
        key=key,
        snapshot_size=0 if itself else _locate(repository, snapshot).size,
        etcd_version=snapshot["etcdVersion"] or "",
        source=source_of(repository, snapshot) if itself else None,
    )


def fetch_snapshot(
    etcd: EtcdConfig,
    repository: Repository,
    *,
    snapshot: Mapping[str, Any],
    key: str,
    checked: Mapping[str, Any],
    keep_file: bool,
    fetch: FetchOptions,
) -> dict[str, Any]:
    """
    Download a snapshot, prove it good, and plan its restore. Changes nothing.

    :param etcd: the cluster as it is now; none of its members needs to be alive.
    :param snapshot: the record that ``resolve_snapshot`` gave.
    :param key: of the restore, see ``restore_key``.
    :param checked: what ``check_workload`` returned.
    :param keep_file: whether the members are filled from the file; else it is removed again.
    :return: the plan of the restore: the snapshot's record, and ``repository`` (its location), ``file`` (None: not
        kept), ``path`` (in the snapshot), ``totalSize`` (bytes), ``sha256``, ``revision``, ``keyCount`` (None: not
        known), ``bumpRevision``, ``expectedRevision``, ``live`` (members, revision), ``lost`` (revisions and seconds
        since the snapshot), ``rehearsal``, ``warnings``, ``token``, ``duration``.
    :raises StashError: what stands in the way of the restore.
    """
    begin = now()
    tool = find_tool(fetch.etcd_tools)
    found = _locate(repository, snapshot)
    file = download_path(fetch.work_dir, key)
    try:
        # Side by side: members that are down take the connection's time-out to say so.
        with ThreadPoolExecutor(1, thread_name_prefix="ask-etcd") as pool:
            asked = pool.submit(_live, etcd)
            sha256 = download(repository, snapshot["snapshot"], found, file)
        live = asked.result()
        require_same_members(live, checked)
        revisions = read_revisions(file)
        plan = {
            **snapshot,
            "repository": repository.redacted_location,
            "file": str(file),
            "path": found.path,
            "totalSize": found.size,
            "sha256": sha256,
            "token": f"stash-{key}",
            "live": live,
            "warnings": list(checked["warnings"]),
        }
        _adopt_revision(plan, revisions.revision)
        if fetch.rehearse:
            rehearse(plan, tool, etcd, fetch.etcd_tools)
        plan["bumpRevision"] = choose_bump(fetch.bump_revision, _builder(checked) or tool, plan)
        # etcd's tools move on from the last write that is still there.
        bumped = revisions.last + plan["bumpRevision"] if plan["bumpRevision"] else 0
        plan["expectedRevision"] = max(plan["revision"], bumped)
        plan["lost"] = count_lost(plan)
    except BaseException:
        remove_download(fetch.work_dir, key)
        raise
    if not keep_file:
        remove_download(fetch.work_dir, key)
        plan["file"] = None
    plan["duration"] = seconds_since(begin)
    for line in describe(plan):
        log.info("%s", line)
    return plan


def download_path(work_dir: str | None, key: str) -> Path:
    """Give the path of a restore's downloaded snapshot."""
    import tempfile

    return Path(work_dir or tempfile.gettempdir(), f"airflow-stash-restore-{key}", ETCD_FILE)


def remove_download(work_dir: str | None, key: str) -> bool:
    """Remove a restore's downloaded snapshot; tells whether there was one."""
    directory = download_path(work_dir, key).parent
    existed = directory.exists()
    shutil.rmtree(directory, ignore_errors=True)
    return existed


def _locate(repository: Repository, snapshot: Mapping[str, Any]) -> SnapshotFile:
    """Take path and size from the record where it tells them; else restic is asked."""
    paths, size = snapshot["paths"], snapshot["totalSize"]
    if size and len(paths) == 1 and paths[0].endswith(f"/{ETCD_FILE}"):
        return SnapshotFile(paths[0], size)
    return find_file(repository, snapshot["snapshot"], ETCD_FILE)


def source_of(repository: Repository, plan: Mapping[str, Any]) -> SnapshotSource:
    """
    Tell a Job where to fetch the snapshot.

    :param plan: what ``fetch_snapshot`` returned, or as much of it as is known: the snapshot's record.
    """
    return SnapshotSource(
        snapshot=plan["snapshot"],
        settings=repository_settings(repository),
        secret=repository_secret(repository),
        path=plan.get("path", ""),
        size=plan["totalSize"] or 0,
        sha256=plan.get("sha256", ""),
    )


def _builder(checked: Mapping[str, Any]) -> EtcdTool | None:
    """Give the tool that will build the members' data, which need not be this host's; None: not known."""
    version = parse_version(checked["etcdToolVersion"] or "")
    return EtcdTool(checked["etcdTool"], version) if version else None


def download(repository: Repository, snapshot_id: str, found: SnapshotFile, file: Path) -> str:
    """
    Download the file into a directory of its own, and compare its sha256; an earlier attempt's is replaced.

    :return: the sha256.
    :raises SnapshotCorruptError: it differs.
    :raises NoSpaceError: there is not enough room.
    """
    shutil.rmtree(file.parent, ignore_errors=True)
    try:
        file.parent.mkdir(mode=0o700, parents=False)
    except OSError as error:
        raise InvalidConfigurationError(
            f"The work directory {file.parent.parent} can't be used: {error.strerror}. {UNTOUCHED}"
        ) from error
    free = shutil.disk_usage(file.parent).free
    if found.size > free:
        raise NoSpaceError(
            f"The snapshot has {found.size} bytes, {file.parent.parent} has {free} free. Name a larger "
            f"work_dir, or make room. {UNTOUCHED}"
        )
    try:
        return _copy(repository, snapshot_id, found, file)
    except (OSError, NoSpaceError) as error:
        # restic's own words would name the repository's device.
        reason = error.strerror if isinstance(error, OSError) else "its disk, a quota or a limit is full"
        raise NoSpaceError(
            f"The snapshot could not be written to {file.parent}: {reason}. {UNTOUCHED}"
        ) from error
    except SnapshotCorruptError as error:
        raise SnapshotCorruptError(f"Snapshot {snapshot_id[:8]}: {error} {UNTOUCHED}") from error


def _copy(repository: Repository, snapshot_id: str, found: SnapshotFile, file: Path) -> str:
    """Let restic write the file, and hash what it has written meanwhile."""
    begin = tell = time.monotonic()
    hasher, done = SnapshotHasher(), 0
    target = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def follow() -> None:
        nonlocal tell, done
        while block := os.pread(target, _COPY, done):
            hasher.update(block)
            done += len(block)
            if time.monotonic() - tell >= _PROGRESS_SECONDS:
                tell = time.monotonic()
                log.info(
                    "Downloaded %s of %s (%d %%)",
                    human_size(done),
                    human_size(found.size),
                    100 * done // max(found.size, 1),
                )

    try:
        dump(repository, snapshot_id, found.path, target, follow)
        follow()
    finally:
        os.close(target)
    log.info("Downloaded %s in %.1f s", human_size(done), time.monotonic() - begin)
    return hasher.finish()


def _live(etcd: EtcdConfig) -> dict[str, Any]:
    """Find out what the cluster is like now, as far as it answers."""
    with EtcdClient(etcd) as client:
        status = client.status()
    for member in status:
        if isinstance(member.failure, EtcdOtherMemberError) and len(etcd.endpoints) < len(status):
            raise EtcdOtherMemberError(
                f"{member.error} As it is, no restore could be verified, and each would be rolled back. {UNTOUCHED}"
            )
    alive = [member for member in status if member.alive]
    if not alive:
        log.warning("No member is alive: %s", all_failed("", [m.failure for m in status if m.failure]))
    return {
        "members": [member_result(member) for member in status],
        "alive": len(alive),
        "revision": max((member.revision for member in alive), default=None),
        "clusterID": alive[0].cluster_id if alive else None,
    }


def _adopt_revision(plan: dict[str, Any], revision: int) -> None:
    """
    Take the file's own revision. What the tags tell holds for the revision that they name: writes may have
    come between the count and the snapshot.
    """
    if plan["revision"] is not None and plan["revision"] > revision:
        raise SnapshotCorruptError(
            f"Snapshot {plan['snapshot'][:8]} ends at revision {revision}, but it was recorded to hold "
            f"revision {plan['revision']}. Choose another snapshot. {UNTOUCHED}"
        )
    if plan["revision"] != revision:
        plan["keyCount"] = plan["hash"] = None
    plan["revision"] = revision
