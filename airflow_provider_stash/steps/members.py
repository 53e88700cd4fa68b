"""Chooses the members to take a snapshot from, and reads what is to be known of their data before."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, parse_endpoints
from airflow_provider_stash.etcd.errors import all_failed
from airflow_provider_stash.etcd.models import HashKV, KeyCount, MemberStatus
from airflow_provider_stash.exceptions import EtcdError, EtcdNoLeaderError, EtcdUnavailableError

log = logging.getLogger(__name__)

_LONG_READ_SECONDS = 300.0
_PAUSE_SECONDS = 3.0
_ELECTION_SECONDS = 10.0
_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the data before the snapshot is taken from this member."""

    status: MemberStatus
    count: KeyCount
    hash: HashKV | None

    def tags(self) -> list[str]:
        """Write them as tags of the restic snapshot."""
        tags = [
            f"etcd-revision={self.count.revision}",
            f"etcd-cluster-id={self.status.cluster_id}",
            f"etcd-version={self.status.version}",
            f"etcd-keys={self.count.keys}",
        ]
        if self.hash is not None:
            tags.append(f"etcd-hash={self.hash.hash}")
        return tags


def members_to_try(client: EtcdClient, failures: Sequence[EtcdError]) -> Iterator[MemberStatus]:
    """
    Give the members to try; once more after a pause where each answered but had no leader: an election.

    :param failures: of those that were tried.
    """
    yield from _candidates(client)
    if all(isinstance(failure, EtcdUnavailableError) for failure in failures):
        log.info("Trying again in %.0f s: a new leader may be elected by then.", _PAUSE_SECONDS)
        time.sleep(_PAUSE_SECONDS)
        yield from _candidates(client)


def _candidates(client: EtcdClient) -> list[MemberStatus]:
    """
    Order the configured endpoints: those that answer, as configured.

    :raises EtcdUnavailableError: none answers.
    """
    asked = _ask_after_election(client)
    alive = [status for status in asked if status.alive and not status.is_learner]
    for status in asked:
        if not status.alive:
            log.warning("%s", status.error)
        elif status.is_learner:
            log.info("%s is a learner, which gives no snapshots.", status.endpoint)
    if not alive:
        if all(status.alive for status in asked):
            raise EtcdUnavailableError("Only learners answer; a voting member must give the snapshot.")
        raise all_failed("No etcd endpoint answered.", [status.failure for status in asked if status.failure])
    return alive


def _ask_after_election(client: EtcdClient) -> list[MemberStatus]:
    """
    Ask the configured endpoints for their status, again while an election may be why none tells it: with
    authentication on, the latest versions want a login first, and that needs a leader.
    """
    deadline = time.monotonic() + _ELECTION_SECONDS
    while True:
        asked = client.endpoint_status()
        electing = [status for status in asked if isinstance(status.failure, EtcdNoLeaderError)]
        if any(status.alive for status in asked) or not electing or time.monotonic() > deadline:
            return asked
        log.info("%s The election is waited for.", electing[0].error)
        time.sleep(_POLL)


def read_facts(client: EtcdClient, status: MemberStatus, *, hash_kv: bool) -> Facts:
    """
    Count the keys, and hash them if wanted; what the snapshot will hold is at least of this revision.

    :raises EtcdError: the member can't be read.
    """
    endpoint = parse_endpoints(status.endpoint)[0]
    try:
        # Linearizable: the member catches up with its peers before it answers, and so does its snapshot.
        count = client.count_keys(endpoint=endpoint, timeout=_LONG_READ_SECONDS)
    except EtcdUnavailableError as error:
        log.warning("The cluster has no quorum (%s): the snapshot is of this member's own data.", error)
        count = client.count_keys(endpoint=endpoint, serializable=True, timeout=_LONG_READ_SECONDS)
    return Facts(status, count, _hash(client, endpoint, count.revision) if hash_kv else None)


def _hash(client: EtcdClient, endpoint: Endpoint, revision: int) -> HashKV | None:
    try:
        return client.hash_kv(endpoint, revision, timeout=_LONG_READ_SECONDS)
    except EtcdUnavailableError:
        raise
    except EtcdError as error:  # etcd 3.4 has none of a revision that was just compacted
        log.warning("The hash of all keys is not recorded: %s", error)
        return None


def warn_of_alarms(client: EtcdClient) -> None:
    """Write the alarms that are raised to the log; none of them keeps a backup from being taken."""
    try:
        alarms = client.alarms()
    except EtcdError as error:
        log.warning("The alarms could not be read: %s", error)
        return
    for alarm in alarms:
        log.warning(
            "etcd has raised the alarm %s for member %s. The backup goes on; see to it: etcdctl alarm list",
            alarm.alarm,
            alarm.member_id,
        )
