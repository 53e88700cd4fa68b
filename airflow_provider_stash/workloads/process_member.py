"""One member on this host: its commands and data directory, and what a restore needs of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_stash.etcd.datadir import in_use
from airflow_provider_stash.exceptions import InvalidConfigurationError, WorkloadError
from airflow_provider_stash.workloads.datadirs import DataDir, check_usable
from airflow_provider_stash.workloads.other_restores import require_no_other


@dataclass(frozen=True)
class ProcessMember:
    """
    One member on this host.

    :param name: etcd's ``--name``.
    :param data_dir: etcd's ``--data-dir``; a write-ahead log elsewhere (``--wal-dir``) is not supported.
    :param peer_urls: etcd's ``--initial-advertise-peer-urls``, one or several.
    :param stop: the command that stops it and keeps it stopped, such as ``["systemctl", "stop", "etcd"]``.
    :param start: the command that starts it; it may return at once or when the member is ready.
    """

    name: str
    data_dir: str
    peer_urls: str | Sequence[str]
    stop: Sequence[str]
    start: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.stop, str) or isinstance(self.start, str):
            raise InvalidConfigurationError(
                f"Member {self.name!r}: stop and start are lists, a program and its arguments; "
                "no shell is used."
            )
        if not (self.name and self.stop and self.start and self.peer_urls):
            raise InvalidConfigurationError(
                f"Member {self.name!r} needs a name, peer_urls, and a stop and a start command."
            )
        if not Path(self.data_dir).is_absolute():
            raise InvalidConfigurationError(
                f"Member {self.name!r}: data_dir {self.data_dir!r} must be an absolute path."
            )

    @property
    def all_peer_urls(self) -> list[str]:
        """The peer URLs as a list."""
        return [self.peer_urls] if isinstance(self.peer_urls, str) else list(self.peer_urls)

    def data(self, key: str) -> DataDir:
        """Give the data directory during one restore."""
        return DataDir(Path(self.data_dir), key)

    def in_use(self) -> bool:
        """
        Tell whether the member runs.

        :raises WorkloadError: this user can't tell.
        """
        try:
            return in_use(Path(self.data_dir))
        except PermissionError as error:
            raise WorkloadError(
                f"Member {self.name!r}: {error.filename} can't be opened by user {os.geteuid()}, "
                "so whether the member runs can't be told."
            ) from error

    def check(self, key: str) -> None:
        """
        Make sure that this user can stop, fill and start the member.

        :raises WorkloadError: what stands in the way.
        """
        for command in (self.stop, self.start):
            if shutil.which(command[0]) is None:
                raise WorkloadError(
                    f"Member {self.name!r}: the program {command[0]!r} is not to be found on this host, "
                    f"or may not be run. Nothing was stopped or changed."
                )
        check_usable(self.name, self.data(key))
        require_no_other(self.name, self.data(key))
        self.in_use()
