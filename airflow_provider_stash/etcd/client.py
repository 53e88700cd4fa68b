"""A client of etcd that knows several endpoints: etcd3's stubs, with fail-over, TLS and a token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.models import (
    Alarm,
    EndpointHealth,
    HashKV,
    KeyCount,
    Member,
    MemberStatus,
    hex_id,
)
from airflow_provider_stash.etcd.transport import Transport
from airflow_provider_stash.exceptions import (
    EtcdAuthenticationError,
    EtcdError,
    EtcdOtherMemberError,
    EtcdPermissionError,
    EtcdUnavailableError,
    InvalidConfigurationError,
)

_T = TypeVar("_T")
_ALL_KEYS = b"\0"  # as both key and range_end: every key (etcd's RangeRequest)
_MEMBER_IS_LEARNER, _STATUS_ERRORS, _STATUS_IN_USE, _STATUS_IS_LEARNER = 5, 8, 9, 10


class EtcdClient:
    """
    Talks to an etcd cluster; a context manager that closes its channels.

    Endpoints are tried in turn, so that a dead one never fails a call that another can answer.

    :param config: endpoints, TLS, user and password.
    """

    def __init__(self, config: EtcdConfig) -> None:
        self.config = config
        self._transport = Transport(config)
        self._rpc = self._transport.rpc

    def __enter__(self) -> EtcdClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every channel."""
        self._transport.close()

    # --- the cluster ----------------------------------------------------------------------------

    def members(self) -> list[Member]:
        """
        List the members (etcd RPC ``Cluster.MemberList``; from 3.5 on it needs a quorum).

        :raises EtcdError: no endpoint answered, or etcd refused.
        """
        reply = self._transport.any("ClusterStub", "MemberList", self._rpc.MemberListRequest())
        return [
            Member(
                id=hex_id(member.ID),
                name=member.name,
                peer_urls=tuple(member.peerURLs),
                client_urls=tuple(member.clientURLs),
                is_learner=any(_unknown(member, _MEMBER_IS_LEARNER)),
            )
            for member in reply.members
        ]

    def status(self) -> list[MemberStatus]:
        """
        Ask every member for its status: first the configured endpoints, then, for members that none
        of them is, the client URLs they advertise. A dead one is listed with its error.
        """
        found: dict[str, MemberStatus] = {}
        dead: list[MemberStatus] = []
        for status in self.endpoint_status():
            if status.alive:
                found.setdefault(status.id, status)
            else:
                dead.append(status)
        if not any(status.leader for status in found.values()):
            return [*found.values(), *dead]
        try:
            members = self.members()
        except EtcdError:
            # The configured endpoints are all that is known.
            return [*found.values(), *dead]
        return [
            replace(found.get(member.id) or self._status_by_client_urls(member), name=member.name)
            for member in members
        ]

    def endpoint_status(self) -> list[MemberStatus]:
        """Ask the configured endpoints for their status, in order; a failure is in the answer, not raised."""
        return _side_by_side(self.status_of, self.config.endpoints)

    def _status_by_client_urls(self, member: Member) -> MemberStatus:
        last = MemberStatus(
            ",".join(member.client_urls),
            id=member.id,
            failure=EtcdUnavailableError(f"Member {member.name} advertises no client URL to be reached by."),
        )
        for url in member.client_urls:
            try:
                endpoint = parse_endpoints(url)[0]
            except InvalidConfigurationError:
                continue
            if not endpoint.tls and any(known.tls for known in self.config.endpoints):
                continue  # never from TLS down to plain text
            status = self.status_of(endpoint)
            if status.alive and status.id != member.id:
                # As at the localhost that etcd advertises by default: whoever is here answers.
                other = EtcdOtherMemberError(
                    f"{endpoint.url}, which member {member.name} advertises, is answered by another: {status.id}. "
                    "Add the member's own address to the connection's endpoints."
                )
                status = MemberStatus(endpoint.url, failure=other)
            if status.alive:
                return status
            last = replace(status, id=member.id)
        return last

    def status_of(self, endpoint: Endpoint) -> MemberStatus:
        """Ask one endpoint for its status; a failure is in the answer, not raised."""
        try:
            reply = self._status_reply(endpoint)
        except EtcdError as error:
            return MemberStatus(endpoint.url, failure=error)
        return MemberStatus(
            endpoint=endpoint.url,
            id=hex_id(reply.header.member_id),
            cluster_id=hex_id(reply.header.cluster_id),
            version=reply.version,
            revision=reply.header.revision,
            db_size=reply.dbSize,
            db_size_in_use=next(_unknown(reply, _STATUS_IN_USE), 0),
            leader=hex_id(reply.leader) if reply.leader else "",
            raft_term=reply.raftTerm,
            raft_index=reply.raftIndex,
            is_learner=any(_unknown(reply, _STATUS_IS_LEARNER)),
            errors=tuple(bytes(value).decode() for value in _unknown(reply, _STATUS_ERRORS)),
        )

    def _status_reply(self, endpoint: Endpoint) -> Any:
        # First without a token: a login needs a quorum, and most versions tell anybody. The latest don't.
        ask = partial(self._transport.call, endpoint, "MaintenanceStub", "Status", self._rpc.StatusRequest())
        try:
            return ask(authenticate=False)
        except (EtcdAuthenticationError, EtcdPermissionError):
            if self.config.user is None:
                raise
            return ask()

    def health(self, endpoints: Iterable[Endpoint] | None = None) -> list[EndpointHealth]:
        """
        Ask each endpoint for a linearizable read, as ``etcdctl endpoint health`` does.

        A denied read proves health as well: the member agreed with its peers before it said no.

        :param endpoints: whom to ask; None: the configured endpoints.
        :return: one record an endpoint, in order.
        """
        return _side_by_side(self._health_of, endpoints or self.config.endpoints)

    def _health_of(self, endpoint: Endpoint) -> EndpointHealth:
        begin, failure = time.monotonic(), None
        try:
            self._transport.call(endpoint, "KVStub", "Range", self._rpc.RangeRequest(key=b"health"))
        except EtcdPermissionError:
            pass
        except EtcdError as raised:
            failure = raised
        return EndpointHealth(endpoint.url, round(time.monotonic() - begin, 4), failure)

    def alarms(self) -> list[Alarm]:
        """List the alarms that are raised (etcd RPC ``Maintenance.Alarm``)."""
        request = self._rpc.AlarmRequest(action=self._rpc.AlarmRequest.GET)
        reply = self._transport.any("MaintenanceStub", "Alarm", request)
        return [Alarm(hex_id(a.memberID), self._rpc.AlarmType.Name(a.alarm)) for a in reply.alarms]

    # --- the data -------------------------------------------------------------------------------

    def hash_kv(self, endpoint: Endpoint, revision: int = 0, *, timeout: float | None = None) -> HashKV:
        """
        Hash all keys of one member up to a revision (etcd RPC ``Maintenance.HashKV``).

        :param revision: 0: the member's latest.
        :param timeout: seconds; the member reads its whole database for it. None: the configured one.
        """
        request = self._rpc.HashKVRequest(revision=revision)
        reply = self._transport.call(endpoint, "MaintenanceStub", "HashKV", request, timeout=timeout)
        return HashKV(reply.hash, revision or reply.header.revision, reply.compact_revision)

    def count_keys(
        self,
        revision: int = 0,
        *,
        endpoint: Endpoint | None = None,
        serializable: bool = False,
        timeout: float | None = None,
    ) -> KeyCount:
        """
        Count all keys (etcd RPC ``KV.Range`` with ``count_only``).

        :param revision: 0: the latest.
        :param endpoint: whom to ask; None: any that answers.
        :param serializable: take this member's own view, without a quorum. A linearizable read makes the
            member catch up first: its data is then at least at the revision returned.
        :return: the keys, and the revision they were counted at.
        """
        request = self._rpc.RangeRequest(
            key=_ALL_KEYS,
            range_end=_ALL_KEYS,
            count_only=True,
            revision=revision,
            serializable=serializable,
        )
        if endpoint is None:
            reply = self._transport.any("KVStub", "Range", request, timeout=timeout)
        else:
            reply = self._transport.call(endpoint, "KVStub", "Range", request, timeout=timeout)
        return KeyCount(reply.count, revision or reply.header.revision)

    def snapshot(self, endpoint: Endpoint) -> Iterator[Any]:
        """
        Open one member's snapshot stream (etcd RPC ``Maintenance.Snapshot``): its database file, then
        the 32 bytes of its sha256.

        :return: messages with ``blob`` (up to 32 KiB) and ``remaining_bytes``.
        :raises EtcdError: from the iterator, when the member refuses or the stream breaks.
        """
        return self._transport.stream(endpoint, "MaintenanceStub", "Snapshot", self._rpc.SnapshotRequest())


def _side_by_side(ask: Callable[[Endpoint], _T], endpoints: Iterable[Endpoint]) -> list[_T]:
    """Ask several endpoints at once: together, silent ones cost one time-out."""
    asked = list(endpoints)
    with ThreadPoolExecutor(max(1, len(asked)), thread_name_prefix="etcd-client") as pool:
        return list(pool.map(ask, asked))


def _unknown(message: Any, number: int) -> Iterator[Any]:
    """Read a field that etcd has gained since etcd3's stubs were generated."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    for unknown in UnknownFieldSet(message):
        if unknown.field_number == number:
            yield unknown.data
