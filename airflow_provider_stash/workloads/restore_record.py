"""How far a restore in Kubernetes has come, as it is kept in the cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

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
