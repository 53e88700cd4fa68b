"""How far a restore in Kubernetes has come, as it is kept in the cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.workloads.base import DONE, ONCE_MORE, UNTOUCHED

STOPPED, SWAPPING, SWAPPED, VERIFIED, ROLLED_BACK = (
    "stopped",
    "swapping",
    "swapped",
    "verified",
    "rolled-back",
)
ENDED = {VERIFIED, ROLLED_BACK}


@dataclass(frozen=True)
class Record:
    """
    How far a restore has come; kept in the cluster, beside the members.

    :param key: the restore's.
    :param phase: ``stopped``, ``swapping``, ``swapped``, ``verified`` or ``rolled-back``.
    :param replicas: how many there were before.
    :param running: names of the Pods that ran before.
    """

    key: str
    phase: str
    replicas: int
    running: Sequence[str] = ()

    def dump(self) -> str:
        """Write it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str | None) -> Record | None:
        """Read what ``dump`` wrote; None: nothing."""
        return cls(**json.loads(text)) if text else None


def require_record(record: Record | None, key: str, phases: set[str], where: object) -> Record:
    """
    Make sure that a step's turn has come.

    :param record: what was found; None: nothing.
    :param key: the restore's.
    :param phases: in which the step may be done.
    :param where: names the workload, for the error.
    :return: the record.
    :raises WorkloadError: the step may not be done, why, and what to do.
    """
    if record is None or record.key != key:
        found = "none" if record is None else f"{record.key}, {record.phase}"
        raise WorkloadError(f"{where} is not stopped by this restore (found: {found}); nothing was changed.")
    if record.phase in phases:
        return record
    if record.phase == VERIFIED:
        raise WorkloadError(DONE)
    if record.phase == ROLLED_BACK:
        raise WorkloadError(ONCE_MORE)
    raise WorkloadError(
        f"{where}: this restore has come further than this step already ({record.phase}). Let roll_back run. "
        f"{UNTOUCHED}"
    )
