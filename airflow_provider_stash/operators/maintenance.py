"""Does what a repository needs now and then: prunes it, migrates it to format 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.operators.base import as_bool
from airflow_provider_stash.operators.restic import ResticOperator
from airflow_provider_stash.restic.prune import PruneOptions
from airflow_provider_stash.steps.call import StepCall

if TYPE_CHECKING:
    from airflow.sdk import Context


class ResticMigrateOperator(ResticOperator):
    """
    Migrates the repository to format 2 (``restic migrate upgrade_repo_v2``); one that is there already stays.

    From then on restic compresses what it writes; restic before 0.14, Stash's among them, can't open it any more.

    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``migrated``, ``version``, ``duration``.
    """

    def __init__(self, *, lock_timeout: float = 600.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lock_timeout = lock_timeout

    def prepare(self, context: Context) -> StepCall:
        return StepCall("migrate_repository", {"lock_timeout": self.lock_timeout})


class ResticPruneOperator(ResticOperator):
    """
    Frees the space of data that no snapshot needs (``restic prune``).

    :param max_unused: unused data that may stay: a size (``500M``), a percentage (``5%``) or ``unlimited``; None:
        restic's default, 5 %. (templated)
    :param max_repack_size: how much to repack at most in this run, such as ``10G``; None: no limit. (templated)
    :param repack_uncompressed: compress what a repository holds uncompressed since it was of format 1.
    :param enabled: when false the task is skipped. (templated)
    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``freed``, ``dryRun``, ``duration``.
    """

    template_fields: Sequence[str] = ("max_unused", "max_repack_size", "enabled")

    def __init__(
        self,
        *,
        max_unused: str | None = None,
        max_repack_size: str | None = None,
        repack_uncompressed: bool = False,
        enabled: bool | str = True,
        lock_timeout: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_unused = max_unused
        self.max_repack_size = max_repack_size
        self.repack_uncompressed = repack_uncompressed
        self.enabled = enabled
        self.lock_timeout = lock_timeout

    def prepare(self, context: Context) -> StepCall:
        if not as_bool(self.enabled, "enabled"):
            raise AirflowSkipException("It was not asked for in this run.")
        options = PruneOptions(
            max_unused=self.max_unused or None,
            max_repack_size=self.max_repack_size or None,
            repack_uncompressed=self.repack_uncompressed,
        )
        return StepCall("prune_repository", {"options": options, "lock_timeout": self.lock_timeout})
