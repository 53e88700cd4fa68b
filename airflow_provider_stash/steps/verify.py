"""Proves that the restored cluster is what the snapshot promised."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.models import MemberStatus
from airflow_provider_stash.exceptions import (
    EtcdAuthenticationError,
    EtcdError,
    EtcdPermissionError,
    RestoreVerificationError,
)
from airflow_provider_stash.steps.results import member_result, now, seconds_since

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_POLL = 0.25
_HASH_TRIES = 10
_LONG_READ_SECONDS = 300.0


def verify_restore(
    etcd: EtcdConfig, *, names: Collection[str], plan: dict[str, Any], timeout: float = 120.0
) -> dict[str, Any]:
    """
    Wait until every member is healthy, and compare their data with the plan of the restore.

    A password that the restored data doesn't know is no failure of the restore: it is told as a warning,
    and what can be seen without logging in is verified.

    :param etcd: the cluster; members that the endpoints don't name are asked at the URLs they advertise.
    :param names: of all members.
    :param plan: what ``fetch_snapshot`` returned.
    :param timeout: seconds for all members to be healthy.
    :return: ``members``, ``revision``, ``keyCount`` and ``hash`` (None: could not be read), ``warnings``,
        ``duration``.
    :raises RestoreVerificationError: what differs.
    """
    begin = now()
    with EtcdClient(etcd) as client:
        deadline = time.monotonic() + timeout
        status = _wait_for_members(client, names, deadline)
        endpoints = [parse_endpoints(member.endpoint)[0] for member in status]
        _check_revision(status, plan)
        result = {
            "members": [member_result(member) for member in status],
            "revision": max(member.revision for member in status),
            "keyCount": None,
            "hash": None,
            "warnings": [],
        }
        try:
            result["keyCount"] = _check_keys(client, plan, deadline)
            result["hash"] = _check_hashes(client, endpoints)
        except (EtcdAuthenticationError, EtcdPermissionError) as error:
            warning = (
                "The members run on the restored data, but it has other users than the etcd connection "
                "knows: keys and hashes could not be compared. Nothing was rolled back. Log in as at the "
                f"time of the snapshot, and correct the connection. ({error})"
            )
            log.warning("%s", warning)
            result["warnings"] = [warning]
    result["duration"] = seconds_since(begin)
    log.info(
        "Verified: %d members, revision %d, %s keys", len(status), result["revision"], result["keyCount"]
    )
    return result


def _wait_for_members(client: EtcdClient, names: Collection[str], deadline: float) -> list[MemberStatus]:
    def look() -> list[MemberStatus]:
        status = client.status()
        alive = [member for member in status if _answers(member)]
        # Who is denied the member list knows the configured endpoints alone.
        denied = any(member.failure is not None for member in alive)
        wanted = min(len(names), len(status)) if denied else len(names)
        if len(alive) < wanted:
            silent = [member for member in status if member not in alive]
            reasons = " ".join(member.error or f"{member.endpoint}: no leader." for member in silent)
            raise RestoreVerificationError(f"{len(alive)} of {wanted} members answer. {reasons}")
        if all(member.name for member in alive) and {member.name for member in alive} != set(names):
            raise RestoreVerificationError(
                f"The members are {sorted(member.name for member in alive)}, not {sorted(names)}."
            )
        for health in client.health([parse_endpoints(member.endpoint)[0] for member in alive]):
            if health.failure is not None and not _is_denial(health.failure):
                raise RestoreVerificationError(health.error)
        return alive

    return _until(look, deadline)


def _answers(member: MemberStatus) -> bool:
    """Tell whether a member serves; one that refuses a password does (etcd from 3.5.17 on tells nothing more)."""
    return bool(member.leader) if member.failure is None else _is_denial(member.failure)


def _is_denial(error: Exception) -> bool:
    return isinstance(error, EtcdAuthenticationError | EtcdPermissionError)


def _check_revision(status: Sequence[MemberStatus], plan: dict[str, Any]) -> None:
    for member in status:
        if member.alive and member.revision < plan["expectedRevision"]:
            raise RestoreVerificationError(
                f"{member.endpoint} is at revision {member.revision}, the restored data should be at "
                f"{plan['expectedRevision']} or later: the member does not run on it."
            )


def _check_keys(client: EtcdClient, plan: dict[str, Any], deadline: float) -> int:
    count = _until(lambda: client.count_keys(plan["expectedRevision"], timeout=_LONG_READ_SECONDS), deadline)
    if plan["keyCount"] is not None and count.keys != plan["keyCount"]:
        raise RestoreVerificationError(
            f"The cluster holds {count.keys} keys at revision {plan['expectedRevision']}, "
            f"the snapshot held {plan['keyCount']}."
        )
    return count.keys


def _check_hashes(client: EtcdClient, endpoints: Sequence[Endpoint]) -> int:
    """Compare the members' key hashes at one revision; where clients write, at the latest that one has."""
    revision = 0
    failure: Exception | None = None
    for _ in range(_HASH_TRIES):
        try:
            hashes = [client.hash_kv(one, revision, timeout=_LONG_READ_SECONDS) for one in endpoints]
        except EtcdError as error:  # a member that is behind does not know the revision yet
            if _is_denial(error):
                raise
            failure = error
        else:
            if len({(one.revision, one.compact_revision) for one in hashes}) == 1:
                break
            revision = max(one.revision for one in hashes)
        time.sleep(_POLL)
    else:
        raise RestoreVerificationError(
            f"The members' key hashes could not be taken at one revision. {failure or ''}"
        )
    if len({one.hash for one in hashes}) > 1:
        raise RestoreVerificationError(
            f"The members do not hold the same keys at revision {hashes[0].revision}: "
            + ", ".join(f"{end} has hash {one.hash}" for end, one in zip(endpoints, hashes, strict=True))
        )
    return hashes[0].hash


def _until(attempt: Callable[[], _T], deadline: float) -> _T:
    """Try until it works; the last failure is raised when the time is over."""
    while True:
        try:
            return attempt()
        except (RestoreVerificationError, EtcdError) as error:
            if _is_denial(error):
                raise
            if time.monotonic() > deadline:
                raise RestoreVerificationError(
                    f"The restored cluster is not healthy in time: {error}"
                ) from error
        time.sleep(_POLL)
