"""Takes a snapshot of etcd into a restic repository."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.errors import all_failed
from airflow_provider_stash.etcd.models import MemberStatus
from airflow_provider_stash.etcd.snapshot import SnapshotDigest, copy_snapshot
from airflow_provider_stash.exceptions import (
    EtcdError,
    EtcdUnavailableError,
    NoSpaceError,
    RepositoryNotFoundError,
    SnapshotCorruptError,
    SnapshotStreamError,
)
from airflow_provider_stash.restic.backup import BackupSummary, StdinBackup
from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version
from airflow_provider_stash.steps.health import client_when_healthy
from airflow_provider_stash.steps.initialize import initialize
from airflow_provider_stash.steps.layout import STASH_HOST, STASH_PATH
from airflow_provider_stash.steps.members import Facts, members_to_try, read_facts, warn_of_alarms
from airflow_provider_stash.steps.results import human_size, now, rfc3339, seconds_since
from airflow_provider_stash.steps.staging import TempDir, staging_directory

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_PROGRESS_SECONDS = 5.0
_COPY = 1 << 20


def back_up(
    etcd: EtcdConfig,
    repository: Repository,
    *,
    wait_timeout: float = 0.0,
    create: bool = False,
    hostname: str = STASH_HOST,
    tags: Sequence[str] = (),
    temp_dir: TempDir | None = None,
    hash_kv: bool = False,
    extra_args: Sequence[str] = (),
    lock_timeout: float = 600.0,
) -> dict[str, Any]:
    """
    Stream a snapshot from a member into the repository; the sha256 is compared before restic may finish.

    Members are tried in turn: one that is dead, a learner, or whose stream breaks is left for the next.

    :param wait_timeout: seconds to wait until an endpoint serves a linearizable read (Stash: ``waitTimeout``); 0: none
        has to, and a cluster without a quorum gives what a member has.
    :param create: make the repository when restic finds none. It is not looked for before: each start of restic costs
        half a second.
    :param hostname: the restic host, by which retention groups snapshots (Stash: ``target.alias``).
    :param tags: further tags for the restic snapshot; none may hold a comma.
    :param temp_dir: stage the snapshot in a file there first; None: no file at all.
    :param hash_kv: have the member hash all keys, to compare after a restore. It reads its whole database.
    :param extra_args: further arguments of ``restic backup``.
    :param lock_timeout: seconds to wait while the repository is locked.
    :return: Stash's host backup stats and what is known of the data: ``hostname``, ``snapshot`` (the
        id), ``path``, ``member``, ``revision`` and ``keyCount`` (the data is at least of this revision),
        ``etcdVersion``, ``clusterID``, ``sha256``, ``hash``, ``totalSize``, ``uploaded`` (bytes),
        ``processingTime`` and ``duration`` (seconds), ``fileStats``, ``tags``, ``startTime``,
        ``completionTime``.
    :raises StashError: no member could give a whole snapshot, or restic failed.
    """
    begin = now()
    with contextlib.ExitStack() as stack:
        # What nothing has to wait for: restic's version while etcd is asked, etcd's alarms while restic starts.
        beside = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="beside-backup"))
        version = beside.submit(restic_version, repository.restic)
        client = stack.enter_context(_client(etcd, wait_timeout))
        stack.callback(beside.shutdown)  # before the client, which it may be using
        failures: list[EtcdError] = []
        for status in members_to_try(client, failures):
            try:
                facts = read_facts(client, status, hash_kv=hash_kv)
                beside.submit(warn_of_alarms, client)
                all_tags = [*facts.tags(), *tags]
                start = partial(
                    StdinBackup,
                    repository,
                    path=STASH_PATH,
                    host=hostname,
                    tags=all_tags,
                    extra_args=extra_args,
                    version=version.result(),
                )
                copied, summary = _copy(
                    client,
                    status,
                    start,
                    repository,
                    create=create,
                    temp_dir=temp_dir,
                    lock_timeout=lock_timeout,
                )
            except (EtcdUnavailableError, SnapshotStreamError, SnapshotCorruptError) as error:
                log.warning("No snapshot from %s: %s", status.endpoint, error)
                failures.append(error)
                continue
            return _result(begin, hostname, facts, copied, summary, all_tags)
    raise all_failed("No member gave a whole snapshot; nothing was kept.", failures)


def _client(etcd: EtcdConfig, wait_timeout: float) -> EtcdClient:
    if not wait_timeout:
        return EtcdClient(etcd)
    try:
        return client_when_healthy(etcd, timeout=wait_timeout)
    except EtcdUnavailableError as error:
        with EtcdClient(etcd) as client:
            if not any(status.alive for status in client.endpoint_status()):
                raise
        raise EtcdUnavailableError(
            f"{error} A cluster that has lost its quorum for good is backed up with wait_timeout=0: one member's data."
        ) from error


def _copy(
    client: EtcdClient,
    status: MemberStatus,
    start: Callable[[], StdinBackup],
    repository: Repository,
    *,
    create: bool,
    temp_dir: TempDir | None,
    lock_timeout: float,
) -> tuple[SnapshotDigest, BackupSummary]:
    endpoint = parse_endpoints(status.endpoint)[0]
    progress = _Progress(status.endpoint)
    if temp_dir is None:

        def stream() -> tuple[SnapshotDigest, BackupSummary]:
            with start() as backup:
                copied = copy_snapshot(
                    client.snapshot(endpoint), backup.fd, progress=progress, every=_PROGRESS_SECONDS
                )
                return copied, backup.commit()

        return _keep(stream, repository, create=create, lock_timeout=lock_timeout)

    with staging_directory(temp_dir.path, needed=status.db_size, size_limit=temp_dir.size_limit) as directory:
        file = directory / "snapshot.db"
        copied = _stage(client, endpoint, file, progress)

        def send() -> BackupSummary:
            with start() as backup, file.open("rb") as staged:
                while os.sendfile(backup.fd, staged.fileno(), None, _COPY):
                    pass
                return backup.commit()

        return copied, _keep(send, repository, create=create, lock_timeout=lock_timeout)


def _keep(attempt: Callable[[], _T], repository: Repository, *, create: bool, lock_timeout: float) -> _T:
    """Wait while the repository is locked; where there is none, make it and try anew."""
    patient = partial(retry_when_locked, attempt, repository, lock_timeout=lock_timeout)
    try:
        return patient()
    except RepositoryNotFoundError:
        if not create:
            raise
    initialize(repository)
    return patient()


def _stage(client: EtcdClient, endpoint: Endpoint, file: Path, progress: _Progress) -> SnapshotDigest:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        return copy_snapshot(client.snapshot(endpoint), fd, progress=progress, every=_PROGRESS_SECONDS)
    except OSError as error:
        raise NoSpaceError(
            f"The snapshot could not be written to {file.parent}: {error.strerror}. Name a larger directory, "
            "or stream the snapshot without a temporary file."
        ) from error
    finally:
        os.close(fd)


class _Progress:
    """Writes a line to the log: bytes, share of the whole, rate."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint, self._begin = endpoint, time.monotonic()

    def __call__(self, done: int, expected: int) -> None:
        rate = done / max(time.monotonic() - self._begin, 0.001)
        log.info(
            "Snapshot of %s: %s of %s (%d %%), %s/s",
            self._endpoint,
            human_size(done),
            human_size(expected),
            100 * done // max(expected, 1),
            human_size(rate),
        )


def _result(
    begin: Any,
    hostname: str,
    facts: Facts,
    copied: SnapshotDigest,
    summary: BackupSummary,
    tags: Sequence[str],
) -> dict[str, Any]:
    duration = seconds_since(begin)
    log.info(
        "Snapshot %s holds %s at revision %d (%d keys), %s new in the repository, in %.1f s",
        summary.snapshot_id[:8],
        human_size(copied.size),
        facts.count.revision,
        facts.count.keys,
        human_size(summary.data_added),
        duration,
    )
    return {
        "hostname": hostname,
        "snapshot": summary.snapshot_id,
        "path": summary.path,
        "member": facts.status.endpoint,
        "revision": facts.count.revision,
        "keyCount": facts.count.keys,
        "etcdVersion": facts.status.version,
        "clusterID": facts.status.cluster_id,
        "sha256": copied.sha256,
        "hash": facts.hash.hash if facts.hash else None,
        "totalSize": copied.size,
        "uploaded": summary.data_added,
        "processingTime": summary.duration,
        "fileStats": {
            "totalFiles": summary.files_new + summary.files_changed + summary.files_unmodified,
            "newFiles": summary.files_new,
            "modifiedFiles": summary.files_changed,
            "unmodifiedFiles": summary.files_unmodified,
        },
        "tags": list(tags),
        "duration": duration,
        "startTime": rfc3339(begin),
        "completionTime": rfc3339(now()),
    }
