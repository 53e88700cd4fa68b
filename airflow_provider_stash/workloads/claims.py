"""Looks, before anything is changed, at the PersistentVolumeClaims that the members' data lies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.kubernetes.api import call
from airflow_provider_stash.workloads.base import UNTOUCHED
from airflow_provider_stash.workloads.member_jobs import MemberPlace


def check_claims(api_client: Any, namespace: str, members: Sequence[MemberPlace]) -> str | None:
    """
    Make sure that every member's claim is there.

    :return: a claim that only one Pod may mount at a time; None: there is none.
    :raises WorkloadError: one is not bound, or is being deleted.
    """
    from kubernetes.client import CoreV1Api

    read = CoreV1Api(api_client).read_namespaced_persistent_volume_claim
    once = None
    for member in members:
        claim = call(read, member.claim, namespace)
        phase = (claim.get("status") or {}).get("phase")
        if phase != "Bound" or "deletionTimestamp" in claim["metadata"]:
            going = " and being deleted" if "deletionTimestamp" in claim["metadata"] else ""
            raise WorkloadError(
                f"Claim {member.claim} of member {member.name!r} is {phase or 'not bound'}{going}: it must be "
                f"Bound. {UNTOUCHED}"
            )
        if "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ()):
            once = member.claim
    return once
