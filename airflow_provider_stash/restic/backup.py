"""Backs up a stream (``restic backup --stdin``)."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from airflow_provider_stash.exceptions import InvalidConfigurationError, ResticError
from airflow_provider_stash.restic.process import ResticProcess, json_lines
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import ResticVersion, restic_version


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """
    What restic tells of a backup.

    :param snapshot_id: restic before 0.17 tells its first 8 digits alone.
    :param path: of the file in the snapshot.
    :param data_added: bytes that were new.
    :param duration: seconds.
    """

    snapshot_id: str
    path: str
    files_new: int
    files_changed: int
    files_unmodified: int
    data_added: int
    total_bytes: int
    duration: float


class StdinBackup:
    """
    A running backup of a stream; a context manager.

    Write to ``fd``, then ``commit``. Left without a commit, also by a kill of this process, restic is
    stopped, and no snapshot is made: the end of a cut stream never reaches it.

    :param repository: where to.
    :param path: of the file in the snapshot; restic 0.18.0 takes its name alone.
    :param host: restic's host for the snapshot.
    :param tags: of the snapshot; none may hold a comma.
    :param extra_args: further arguments of ``restic backup``.
    :param version: restic's, where it is known; None: it is asked.
    :raises ResticError: on leaving, in place of the broken pipe, when restic has failed by itself.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        path: str,
        host: str,
        tags: Sequence[str] = (),
        extra_args: Sequence[str] = (),
        version: ResticVersion | None = None,
    ) -> None:
        for tag in tags:
            if not tag or "," in tag:
                raise InvalidConfigurationError(f"{tag!r} can be no restic tag: it is empty or has a comma.")
        if not (version or restic_version(repository.restic)).takes_stdin_paths:
            path = "/" + path.rpartition("/")[2]
        self._path = path
        arguments = ["backup", "--stdin", "--stdin-filename", path.removeprefix("/") if path.count("/") == 1
                     else path, "--host", host, "--json", "--quiet"]  # fmt: skip
        for tag in tags:
            arguments += ["--tag", tag]
        self._process = ResticProcess(repository, [*arguments, *extra_args], stdin=True)

    @property
    def fd(self) -> int:
        """Where to write the data; it is not the caller's to close."""
        return self._process.stdin_fd

    def __enter__(self) -> StdinBackup:
        self._process.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                self._process.failure()
        finally:
            self._process.__exit__(kind, error, trace)

    def commit(self) -> BackupSummary:
        """
        End the stream and wait for restic.

        :raises ResticError: restic failed; there is no snapshot.
        """
        self._process.close_stdin()
        output = self._process.finish()
        for line in json_lines(output.stdout):
            message = json.loads(line)
            if message.get("message_type") == "summary":
                return BackupSummary(
                    snapshot_id=message["snapshot_id"],
                    path=self._path,
                    files_new=message["files_new"],
                    files_changed=message["files_changed"],
                    files_unmodified=message["files_unmodified"],
                    data_added=message["data_added"],
                    total_bytes=message["total_bytes_processed"],
                    duration=round(message["total_duration"], 3),
                )
        raise ResticError(
            "restic backup ended well, but told nothing of a snapshot; look for it before a retry."
        )
