"""What other restores have left in an etcd data directory."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.workloads.base import UNTOUCHED
from airflow_provider_stash.workloads.datadirs import DataDir

log = logging.getLogger(__name__)


def other_open_restore(data: DataDir) -> str | None:
    """Give the key of another restore that has stopped the member, and was neither verified nor rolled back."""
    return next((other.aside.name for other in _others(data) if other.open), None)


def require_no_other(member: str, data: DataDir) -> None:
    """
    Make sure that no other restore is in the middle of its work on a member: its old data may be the only one.

    :raises WorkloadError: there is one.
    """
    if (key := other_open_restore(data)) is not None:
        raise WorkloadError(
            f"Member {member!r} is in the middle of another restore: {data.path / '.stash' / key} was neither verified "
            f"nor rolled back. Let that run's roll_back run first: clear it. Where that run is gone, see docs: "
            f"troubleshooting. {UNTOUCHED}"
        )


def remove_other_restores(data: DataDir, *, keep: int, oldest: float) -> list[Path]:
    """
    Remove what other restores left in a data directory.

    :param data: the data directory during this restore, whose own old data stays.
    :param keep: how many of the others that have old data, the newest, stay, and what lies between them.
    :param oldest: seconds since the epoch; one that began before goes in any case.
    :return: what was removed.
    """
    dated = []
    for other in _others(data):
        journal = other.journal()
        dated.append((journal.time if journal else other.aside.stat().st_mtime, other.aside.name, other))
    removed, kept = [], 0
    for when, _, other in sorted(dated, reverse=True):
        if kept >= keep or when < oldest:
            log.info("Removing old data: %s", other.aside)
            shutil.rmtree(other.aside)
            removed.append(other.aside)
        elif (other.old / "member").exists():
            kept += 1
    return removed


def _others(data: DataDir) -> Iterator[DataDir]:
    for aside in data.aside.parent.glob("*"):
        if aside != data.aside:
            yield DataDir(data.path, aside.name)
