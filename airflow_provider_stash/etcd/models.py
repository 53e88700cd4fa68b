"""What etcd answers, as plain typed records."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_stash.exceptions import EtcdError


def hex_id(number: int) -> str:
    """Write a member or cluster id the way etcdctl does: hexadecimal without prefix."""
    return f"{number:x}"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the cluster's member list (etcd RPC ``Cluster.MemberList``)."""

    id: str
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    is_learner: bool


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """
    What one member says of itself (etcd RPC ``Maintenance.Status``), or why it doesn't.

    :param endpoint: the URL that was asked.
    :param failure: None when the member answered; else only ``endpoint``, ``name`` and ``id`` are known.
    :param errors: what the member itself complains of: alarms, no leader.
    :param db_size: bytes of the backend file.
    :param db_size_in_use: the same less its free pages; 0 where etcd doesn't tell (before 3.4).
    """

    endpoint: str
    name: str = ""
    id: str = ""
    cluster_id: str = ""
    version: str = ""
    revision: int = 0
    db_size: int = 0
    db_size_in_use: int = 0
    leader: str = ""
    raft_term: int = 0
    raft_index: int = 0
    is_learner: bool = False
    errors: tuple[str, ...] = ()
    failure: EtcdError | None = None

    @property
    def is_leader(self) -> bool:
        """Whether this member leads."""
        return bool(self.id) and self.leader == self.id

    @property
    def alive(self) -> bool:
        """Whether the member answered."""
        return self.failure is None

    @property
    def error(self) -> str:
        """Why it did not answer; empty when it did."""
        return str(self.failure or "")


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """
    Whether an endpoint serves a linearizable read, as ``etcdctl endpoint health`` asks it.

    :param took: seconds.
    :param failure: why it does not; None: it does.
    """

    endpoint: str
    took: float
    failure: EtcdError | None = None

    @property
    def healthy(self) -> bool:
        """Whether it served the read."""
        return self.failure is None

    @property
    def error(self) -> str:
        """Why it did not; empty when it did."""
        return str(self.failure or "")


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that is raised (etcd RPC ``Maintenance.Alarm``): ``NOSPACE`` or ``CORRUPT``."""

    member_id: str
    alarm: str


@dataclass(frozen=True, slots=True)
class HashKV:
    """The hash over all keys up to ``revision`` (etcd RPC ``Maintenance.HashKV``)."""

    hash: int
    revision: int
    compact_revision: int


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many keys there are at a revision."""

    keys: int
    revision: int
