"""A whole backup's data path in one process: for Jobs, whose start would cost more than most of the steps."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps.backup import back_up
from airflow_provider_stash.steps.check import check_integrity
from airflow_provider_stash.steps.retention import apply_retention
from airflow_provider_stash.steps.status import known_snapshots, measure_repository, status_of

log = logging.getLogger(__name__)


def back_up_session(
    etcd: EtcdConfig,
    repository: Repository,
    *,
    backup: Mapping[str, Any],
    policy: RetentionPolicy | None,
    check: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """
    Back up, apply retention, check, tell the status.

    :param backup: arguments of ``back_up``.
    :param policy: retention, for the snapshots of the backup's host; None: keep all.
    :param check: arguments of ``check_integrity``; None: no check.
    :return: ``backup``, ``forget``, ``check`` and ``status``: what each step returned; None: it was not asked for.
    :raises StashError: of the first step that failed; what went before stays done.
    """
    backed_up = back_up(etcd, repository, **backup)
    lock_timeout = backup["lock_timeout"]
    forgotten = checked = None
    if policy is not None:
        forgotten = apply_retention(
            repository, policy, hostname=backup["hostname"], lock_timeout=lock_timeout
        )
    known, measured = known_snapshots(forgotten), None
    if check is not None:
        log.info("Checking the repository")
        checked = check_integrity(repository, lock_timeout=lock_timeout, measure=True, known=known, **check)
        measured = checked.pop("measured", None)
    status = status_of(
        measured or measure_repository(repository, known=known),
        integrity=checked["integrity"] if checked else None,
        forgotten=forgotten,
    )
    return {"backup": backed_up, "forget": forgotten, "check": checked, "status": status}
