"""The plan of a restore: how far revisions move on, what is lost, and both in words for a person."""

from __future__ import annotations

import math
from typing import Any

from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import EtcdToolError, InvalidConfigurationError
from airflow_provider_stash.steps.results import human_seconds, human_size, parse_rfc3339, seconds_since

BUMP_FACTOR = 1.2
BUMP_UNKNOWN = 1_000_000_000
"""How far revisions are moved on: OpenShift's rule, the last known revision and a fifth, else a milliard."""


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
    known = plan["live"]["revision"]
    return BUMP_UNKNOWN if known is None else math.ceil(max(known, plan["revision"]) * BUMP_FACTOR)


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
    Tell a person what the restore will do, in a few lines.

    :param plan: what ``fetch_snapshot`` returned.
    """
    lost, live = plan["lost"], plan["live"]
    keys = "" if plan["keyCount"] is None else f", {plan['keyCount']} keys"
    age = human_seconds(lost["seconds"])
    lines = []
    lines.append(
        f"Snapshot {plan['snapshot'][:8]} of {plan['time']} (host {plan['hostname']}): revision "
        f"{plan['revision']}{keys}, {human_size(plan['totalSize'])}, checked."
    )
    if live["alive"]:
        lines.append(
            f"{live['alive']} of {len(live['members'])} members are alive, at revision {live['revision']}: "
            f"the restore gives up {lost['revisions']} revisions, all that was written in the last {age}."
        )
        if plan["clusterID"] and plan["clusterID"] != live["clusterID"]:
            lines.append(
                f"The snapshot is of cluster {plan['clusterID']}, the live one is {live['clusterID']}: "
                "another cluster, or restored since."
            )
    else:
        lines.append(f"No member is alive. What was written in the {age} since the snapshot is given up.")
    if plan["bumpRevision"]:
        lines.append(
            f"Revisions are moved on by {plan['bumpRevision']} to {plan['expectedRevision']} and marked as "
            "compacted, so that watchers start anew."
        )
    lines.append(
        "The old data is set aside; if anything fails after the stop, it is put back and the members are "
        "started again."
    )
    return lines + [f"Warning: {warning}" for warning in plan["warnings"]]
