"""Checks a repository's integrity (``restic check``)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_stash.exceptions import (
    InvalidConfigurationError,
    RepositoryDamagedError,
    ResticError,
)
from airflow_provider_stash.restic.locks import retry_when_locked
from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository

_SUBSET = re.compile(r"^(\d+/\d+|\d+(\.\d+)?%|\d+[KMGT]?)$", re.IGNORECASE)
_MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether the repository is whole, and what is not."""

    integrity: bool
    errors: tuple[str, ...] = ()


def check(
    repository: Repository,
    *,
    read_data: bool = False,
    read_data_subset: str | None = None,
    lock_timeout: float = 600.0,
    follow: Callable[[str], None] | None = None,
) -> CheckResult:
    """
    Check the repository's structure, and its data where asked.

    :param read_data: read all data.
    :param read_data_subset: read a part: ``n/t``, a percentage such as ``5%``, or a size such as ``1G``.
    :param lock_timeout: seconds to wait while it is locked; the check locks it for others.
    :param follow: called with each line that restic writes, progress among them.
    :raises ResticError: it could not be looked at, which says nothing of its integrity.
    """
    arguments = ["check"]
    if read_data:
        arguments.append("--read-data")
    elif read_data_subset:
        if not _SUBSET.match(read_data_subset):
            raise InvalidConfigurationError(
                f"read_data_subset is {read_data_subset!r}: give 'n/t', a percentage ('5%') or a size ('1G')."
            )
        arguments.append(f"--read-data-subset={read_data_subset}")
    try:
        retry_when_locked(
            lambda: run(repository, arguments, follow=follow), repository, lock_timeout=lock_timeout
        )
    except RepositoryDamagedError as error:
        return CheckResult(False, _errors(error))
    except ResticError as error:
        # What can't be looked at has an error of its own; plain failures of a check are damage.
        if type(error) is not ResticError:
            raise
        return CheckResult(False, _errors(error))
    return CheckResult(True)


def _errors(error: ResticError) -> tuple[str, ...]:
    return tuple(str(error).split(" | "))[:_MOST_ERRORS]
