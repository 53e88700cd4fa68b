"""What a restore needs of the place where the members run."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNTOUCHED = "Nothing was stopped or changed."
"""The end of every refusal that comes before the first change."""

DONE = (
    "This run has restored the cluster already, and that was verified: to restore again, trigger a new run. "
    f"{UNTOUCHED}"
)
"""Why a step of a verified restore is not done again."""

ONCE_MORE = (
    "This run was rolled back. To restore once more, clear stop_members, too, and fill_members, or trigger a new run. "
    f"{UNTOUCHED}"
)
"""Why a step of a restore that was rolled back is not done by itself."""


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    """
    Where a Job fetches the snapshot by itself.

    :param snapshot: its restic id.
    :param settings: of the repository, plain (``steps.credentials.repository_settings``).
    :param secret: what is secret of the repository, by the keys of Stash's storage Secrets.
    :param path: of the file in the snapshot; empty: not known yet, as the two below.
    :param size: its bytes.
    :param sha256: of the file.
    """

    snapshot: str
    settings: Mapping[str, Any]
    secret: Mapping[str, bytes] = field(repr=False)
    path: str = ""
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """
    What every member is filled with.

    :param snapshot_file: the downloaded snapshot, checked; None: it lies on no disk here.
    :param snapshot_size: its bytes.
    :param token: the new cluster's initial cluster token.
    :param bump_revision: how far revisions are moved on and marked as compacted; 0: not at all.
    :param source: where the snapshot comes from, for members that can't read the file here.
    """

    snapshot_file: Path | None
    snapshot_size: int
    token: str
    bump_revision: int = 0
    source: SnapshotSource | None = None


class Workload(ABC):
    """
    The members of one etcd cluster, and how to stop, fill and start them.

    Each method may be called again after it failed or was killed, in another process: what has been
    done is found from what lies on the members' disks, under the key of the restore.

    ``key`` names one restore (``restore_key``). Results are one plain dict a member, in their order.
    """

    fills_while_running: bool = False
    """Whether ``fill`` works beside running members, so that they are down for the start alone."""

    fills_from_repository: bool = False
    """Whether ``fill`` fetches the snapshot for each member by itself, so that no file has to lie here."""

    @property
    @abstractmethod
    def peer_urls(self) -> Mapping[str, Sequence[str]]:
        """Peer URLs by member name."""

    @abstractmethod
    def check(
        self, *, key: str, snapshot_size: int, etcd_version: str, source: SnapshotSource | None = None
    ) -> dict[str, Any]:
        """
        Make sure, before anything is changed, that the restore can be carried out.

        :param snapshot_size: bytes of the snapshot that will be restored; 0: not known yet.
        :param etcd_version: version of the etcd that it is from; empty: not known.
        :param source: where the snapshot comes from, for members that can't read a file here.
        :return: ``etcdTool`` and ``etcdToolVersion`` that will build the data (None: not known), ``free`` (bytes by
            place), ``warnings`` for a person, and ``members`` (``name``, ``dataDir``, ``running``) where that is seen.
        :raises StashError: what is missing, where, and what to do.
        """

    @abstractmethod
    def stop(self, *, key: str) -> list[dict[str, Any]]:
        """
        Stop every member and wait until it is gone; records first which were running.

        :raises WorkloadError: a member still runs.
        """

    @abstractmethod
    def fill(self, request: FillRequest, *, key: str) -> list[dict[str, Any]]:
        """
        Build every member's new data beside the old.

        :raises StashError: it could not be built, or this restore has been accepted; the old data is untouched.
        """

    @abstractmethod
    def start(self, *, key: str) -> list[dict[str, Any]]:
        """
        Set every member's old data aside, put the new in its place, and start all members.

        :raises WorkloadError: a member does not start.
        """

    @abstractmethod
    def accept(self, *, key: str) -> None:
        """Take the restore as good: ``roll_back`` does nothing from now on, whatever is run again."""

    @abstractmethod
    def roll_back(self, *, key: str) -> list[dict[str, Any]]:
        """
        Undo what ``stop``, ``fill`` and ``start`` did: old data back in place, and every member that was
        running started again. Does nothing where nothing had been stopped.

        :return: none, where nothing had been stopped and the members are not looked at.
        :raises WorkloadError: a member could not be brought back; the others were.
        """

    @abstractmethod
    def remove_old_data(self, *, key: str, keep_restores: int, keep_days: float) -> list[dict[str, Any]]:
        """
        Remove data that earlier restores set aside, and the leftovers of failed ones.

        Removes nothing where this restore was not verified: theirs is the way back then, as it was before.

        :param key: this restore's; its own old data stays.
        :param keep_restores: how many restores' old data stay, this one included.
        :param keep_days: old data of a restore longer ago than this goes.
        :return: what was removed.
        """


def restore_key(dag_id: str, run_id: str, *, group: str = "") -> str:
    """
    Name a restore, in a form fit for file names, so that a retry and a roll-back find its traces.

    :param dag_id: the DAG's id.
    :param run_id: the run's id; ``logical_date`` may be absent, a run id never is.
    :param group: of the group of tasks that is the restore, with those around it; empty: the whole run is.
    """
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", run_id).strip("-.")[:60]
    whole = "\0".join(filter(None, (dag_id, run_id, group)))
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{plain}-{digest}"
