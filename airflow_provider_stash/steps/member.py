"""The steps of a restore that run where a member's volume is: one call for one member, in a Job."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow_provider_stash.etcd.datadir import NewMember, build_data_dirs, in_use
from airflow_provider_stash.etcd.tools import find_tool
from airflow_provider_stash.exceptions import SnapshotCorruptError, StashError, WorkloadError
from airflow_provider_stash.restic.ls import SnapshotFile, find_file
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.fetch import ETCD_FILE, download
from airflow_provider_stash.workloads.base import UNTOUCHED
from airflow_provider_stash.workloads.datadirs import DataDir, check_space, check_usable
from airflow_provider_stash.workloads.other_restores import remove_other_restores

log = logging.getLogger(__name__)


def check_member(
    repository: Repository,
    *,
    member: str,
    data_dir: str,
    key: str,
    snapshot: str,
    etcd_version: str,
) -> dict[str, Any]:
    """
    Make sure that the member's data can be built, set aside and replaced. Changes nothing.

    :return: ``etcdTool``, ``etcdToolVersion``, ``free``.
    :raises StashError: what stands in the way.
    """
    tool = find_tool()
    tool.require_for(etcd_version)
    check_usable(member, DataDir(Path(data_dir), key))
    found = find_file(repository, snapshot, ETCD_FILE)  # so the repository can be reached and read from here
    free = check_space([Path(data_dir)], found.size)
    return {
        "etcdTool": tool.path,
        "etcdToolVersion": tool.version_text,
        "free": min(free.values()),
    }


def fill_member(
    repository: Repository,
    *,
    member: str,
    data_dir: str,
    key: str,
    snapshot: str,
    path: str,
    size: int,
    sha256: str,
    initial_cluster: Mapping[str, Sequence[str]],
    token: str,
    bump_revision: int,
    was_running: bool,
) -> dict[str, Any]:
    """
    Download the snapshot, and build the member's new data beside the old.

    :param sha256: that the file must have.
    :param initial_cluster: peer URLs by member name.
    :param was_running: whether the member ran before the restore.
    :return: ``name``, ``dataDir``.
    :raises StashError: it could not be built; the old data is untouched.
    """
    data = _stopped(member, data_dir, key)
    with tempfile.TemporaryDirectory(prefix="stash-") as scratch:
        file = Path(scratch, "snapshot", ETCD_FILE)
        try:
            check_space([data.path], size)
            found = download(repository, snapshot, SnapshotFile(path, size), file)
        except StashError as error:  # which are checks before the stop, too; now the members are down
            raise type(error)(str(error).replace(UNTOUCHED, "The old data is untouched.")) from error
        if found != sha256:
            raise SnapshotCorruptError(
                f"Snapshot {snapshot[:8]} has sha256 {found} here, and had {sha256} when the restore was planned."
            )
        data.open_journal(member, was_running=was_running)
        build_data_dirs(
            find_tool(),
            file,
            [NewMember(member, data.prepare_new())],
            initial_cluster=initial_cluster,
            token=token,
            bump_revision=bump_revision,
        )
        data.adopt_new()
    return {"name": member, "dataDir": data_dir}


def swap_member(*, member: str, data_dir: str, key: str) -> dict[str, Any]:
    """
    Set the member's old data aside and put the new in its place; may be called again.

    :return: ``name``, ``oldData``: where it lies now.
    :raises WorkloadError: it runs, or was not filled.
    """
    data = _stopped(member, data_dir, key)
    if not data.filled and not data.swapped:
        raise WorkloadError(f"Member {member!r} was not filled by this restore.")
    data.swap()
    return {"name": member, "oldData": str(data.old) if data.old.exists() else None}


def swap_back_member(*, member: str, data_dir: str, key: str) -> dict[str, Any]:
    """
    Put the member's old data back; the restored data is set aside.

    :return: ``name``, ``rolledBack``: whether there was anything to put back.
    :raises WorkloadError: the member runs.
    """
    return {"name": member, "rolledBack": _stopped(member, data_dir, key).swap_back()}


def clean_member(*, member: str, data_dir: str, key: str, keep: int, keep_days: float) -> dict[str, Any]:
    """
    Remove what other restores left beside the member's data.

    :param keep: how many others stay.
    :param keep_days: one that is longer ago goes in any case.
    :return: ``name``, ``removed``: paths.
    """
    oldest = time.time() - keep_days * 86400
    removed = remove_other_restores(DataDir(Path(data_dir), key), keep=keep, oldest=oldest)
    return {"name": member, "removed": [str(path) for path in removed]}


def _stopped(member: str, data_dir: str, key: str) -> DataDir:
    if in_use(Path(data_dir)):
        raise WorkloadError(f"Member {member!r} runs on {data_dir}: something has started it again.")
    return DataDir(Path(data_dir), key)
