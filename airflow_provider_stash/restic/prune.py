"""Frees the space of data that no snapshot needs (``restic prune``)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_FREED = re.compile(r"^total prune:\s+\d+ blobs / ([\d.]+) ([KMGT]?i?B)", re.MULTILINE)
_UNUSED = re.compile(r"^(\d+[kKmMgGtT]?|\d+(\.\d+)?%|unlimited)$")
_SIZE = re.compile(r"^\d+[kKmMgGtT]?$")


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """
    How to prune.

    :param max_unused: unused data that may stay: a size (``500M``), a percentage (``5%``) or ``unlimited``;
        None: restic's default, 5 %.
    :param max_repack_size: how much to repack at most in this run, such as ``10G``; None: no limit.
    :param repack_uncompressed: compress what a repository of format 1 holds uncompressed.
    :param dry_run: only tell what would be done.
    """

    max_unused: str | None = None
    max_repack_size: str | None = None
    repack_uncompressed: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.max_unused is not None and not _UNUSED.match(self.max_unused):
            raise InvalidConfigurationError(
                f"max_unused is {self.max_unused!r}: give a size ('500M'), a percentage ('5%') or 'unlimited'."
            )
        if self.max_repack_size is not None and not _SIZE.match(self.max_repack_size):
            raise InvalidConfigurationError(
                f"max_repack_size is {self.max_repack_size!r}: give a size, such as '10G'."
            )

    def arguments(self) -> list[str]:
        """Write the options as restic's flags."""
        flags = []
        if self.max_unused is not None:
            flags.append(f"--max-unused={self.max_unused}")
        if self.max_repack_size is not None:
            flags.append(f"--max-repack-size={self.max_repack_size}")
        if self.repack_uncompressed:
            flags.append("--repack-uncompressed")
        if self.dry_run:
            flags.append("--dry-run")
        return flags


def prune(
    repository: Repository,
    options: PruneOptions | None = None,
    *,
    lock_timeout: float = 600.0,
    follow: Callable[[str], None] | None = None,
) -> int | None:
    """
    Remove data that no snapshot needs; the repository is locked meanwhile.

    :param options: None: restic's defaults.
    :param lock_timeout: seconds to wait while the repository is locked.
    :param follow: called with each line that restic writes, progress among them.
    :return: bytes that were freed; with ``dry_run`` those that would be. restic tells them rounded, such as
        1.234 MiB. None: it did not tell.
    :raises ResticError: restic failed.
    """
    arguments = ["prune", *(options or PruneOptions()).arguments()]
    output = retry_when_locked(
        lambda: run(repository, arguments, follow=follow), repository, lock_timeout=lock_timeout
    )
    return parse_freed(output.stdout)


def parse_freed(text: str) -> int | None:
    """Read from prune's output how many bytes it freed; None when it does not say."""
    match = _FREED.search(text)
    return round(float(match[1]) * _UNITS[match[2]]) if match else None
