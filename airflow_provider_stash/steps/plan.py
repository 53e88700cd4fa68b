"""The plan of a restore: of which cluster, how far revisions move on, what is lost, all in words for a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import EtcdToolError, InvalidConfigurationError, WorkloadError
from airflow_provider_stash.steps.results import human_seconds, human_size, parse_rfc3339, seconds_since
from airflow_provider_stash.workloads.base import UNTOUCHED

BUMP_FACTOR = 1.2
BUMP_AT_LEAST = 1_000_000_000
"""
How far revisions are moved on: OpenShift's rule, the last known revision and a fifth, or a milliard where it is not
known. Here a milliard is the least: a restore may wait for its approval while the cluster goes on.
"""


def require_same_members(live: Mapping[str, Any], checked: Mapping[str, Any]) -> None:
    """
    Make sure that what answers as the cluster is what would be stopped.

    :param live: ``live`` of the plan.
    :param checked: what ``check_workload`` returned.
    :raises WorkloadError: a member answers, and nothing runs on the data directory that it is said to have.
    """
    members = checked.get("members") or []
    answering = {one["name"] for one in live["members"] if not one["error"]}
    if live["alive"] and not any(one["running"] for one in members):
        answering |= {one["name"] for one in members}
    wrong = [one for one in members if one["name"] in answering and not one["running"]]
    if wrong:
        raise WorkloadError(
            f"{live['alive']} members answer to the etcd connection, but nothing runs on "
            + ", ".join(f"{one['dataDir']} (member {one['name']})" for one in wrong)
            + f": the data_dir, or the connection, is that of another: correct it. Or the data was removed while the "
            f"member ran: stop it by hand. {UNTOUCHED}"
        )


def choose_bump(wanted: str | int, tool: EtcdTool, plan: dict[str, Any]) -> int:
    """
    Choose how far revisions are moved on.

    :param wanted: ``auto``, ``off``, or a number of revisions.
    :param tool: which may be too old for it: then ``auto`` is a warning in the plan, a number an error.
    :param plan: of ``fetch_snapshot``.
    """
    if wanted in {"off", 0, "0"}:
        return 0
    if wanted != "auto":
        try:
            amount = int(wanted)
        except ValueError:
            amount = -1
        if amount < 0:
            raise InvalidConfigurationError(
                f"bump_revision is {wanted!r}: give 'auto', 'off' or a number of revisions."
            )
        if not tool.knows_bump_revision:
            raise EtcdToolError(
                f"{tool.path} {tool.version_text} does not know --bump-revision (etcd 3.4.27, 3.5.10 or "
                "later does). Install a later one, or set bump_revision to 'off'. Nothing was stopped."
            )
        return amount
    if not tool.knows_bump_revision:
        plan["warnings"].append(
            f"Revisions will go back: {tool.path} {tool.version_text} does not know --bump-revision (etcd "
            "3.4.27, 3.5.10 or later does). Watchers such as a Kubernetes API server must be restarted after "
            "the restore."
        )
        return 0
    known: int = max(plan["live"]["revision"] or 0, plan["revision"])
    return max(BUMP_AT_LEAST, math.ceil(known * BUMP_FACTOR))


def count_lost(plan: dict[str, Any]) -> dict[str, Any]:
    """
    Count what a restore gives up: revisions of the live cluster (None: no member is alive), and seconds.

    :param plan: of ``fetch_snapshot``.
    """
    live = plan["live"]["revision"]
    return {
        "revisions": None if live is None else max(0, live - plan["revision"]),
        "seconds": seconds_since(parse_rfc3339(plan["time"])),
    }


def describe(plan: dict[str, Any]) -> list[str]:
    """
    Tell a person what the restore will do, in lines of the form ``What: a sentence``; what is lost comes first.

    :param plan: what ``fetch_snapshot`` returned.
    """
    keys = "" if plan["keyCount"] is None else f", {plan['keyCount']} keys"
    age = human_seconds(plan["lost"]["seconds"])
    taken = f"{plan['snapshot'][:8]} of {plan['time']} ({age} ago), host {plan['hostname']}"
    lines = [
        f"Lost: {_lost(plan, age)}",
        f"Snapshot: {taken}: revision {plan['revision']}{keys}, {human_size(plan['totalSize'])}. {_proof(plan)}",
        f"Members: {_members(plan['live'])}",
    ]
    if plan["bumpRevision"]:
        lines.append(
            f"Watchers: revisions are moved on by {plan['bumpRevision']} to {plan['expectedRevision']} and marked as "
            "compacted, so that watchers start anew."
        )
    lines.append(
        "If it fails: the old data is set aside, not removed. If anything fails after the stop, it is put back and the "
        "members are started again, by itself."
    )
    live = plan["live"]
    if live["alive"] and plan["clusterID"] and plan["clusterID"] != live["clusterID"]:
        lines.append(
            f"Warning: the snapshot is of cluster {plan['clusterID']}, the live one is {live['clusterID']}: another "
            "cluster, or restored since."
        )
    return lines + [f"Warning: {warning}" for warning in plan["warnings"]]


def _lost(plan: dict[str, Any], age: str) -> str:
    since = f"all that was written in the last {age} (since {plan['time']})."
    revisions = plan["lost"]["revisions"]
    if revisions is None:
        return f"{since} How many revisions that are is not known, as no member is alive."
    return f"{revisions} revisions, {since}"


def _proof(plan: dict[str, Any]) -> str:
    opened = plan.get("rehearsal")
    tried = f", and an etcd {opened['version']} has opened the data" if opened else ""
    return f"It is downloaded and its sha256 is right{tried}."


def _members(live: dict[str, Any]) -> str:
    if not live["alive"]:
        return f"none of {len(live['members'])} is alive."
    down = [one.get("name") or one["endpoint"] for one in live["members"] if one["error"]]
    missing = f" Not answering: {', '.join(down)}." if down else ""
    return f"{live['alive']} of {len(live['members'])} are alive, at revision {live['revision']}.{missing}"
