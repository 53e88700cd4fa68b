"""The forms of manual triggers."""

from __future__ import annotations

from collections.abc import Mapping

from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict

_checked: set[str] = set()


def add_form(dag: DAG, form: Mapping[str, Param]) -> None:
    """
    Give a DAG its form, once its tasks are made: else each task holds a copy, which is dear to serialize.

    :param form: put after those that the DAG has.
    """
    params = ParamsDict({**dag.params, **form})
    checked = repr([(param.value, param.schema) for param in form.values()])
    if checked not in _checked:
        params.validate()
        _checked.add(checked)
    # Past the setter, which would check the same schemas anew for each DAG: half of the time that it takes to make one.
    object.__setattr__(dag, "params", params)


def backup_form() -> dict[str, Param]:
    """Make the form of a backup."""
    return {
        "tags": Param(
            [],
            type=["array", "null"],
            items={"type": "string", "pattern": "^[^,]+$"},
            title="Tags",
            description="Further tags for this snapshot, one a line; no commas.",
        ),
        "keep_forever": Param(
            False,
            type="boolean",
            title="Keep for ever",
            description="Tag the snapshot keep-forever: no retention policy removes it.",
        ),
        "verify_deeply": Param(
            False,
            type="boolean",
            title="Verify deeply",
            description="Read and verify all data of the repository, not its structure alone. Takes long.",
        ),
        "retention": Param(
            True,
            type="boolean",
            title="Apply the retention policy",
            description="Turn off to remove no snapshot in this run.",
        ),
    }


def restore_form(hostname: str, approval: bool, bump_revision: str | int) -> dict[str, Param]:
    """Make the form of a restore; the arguments are what it offers at first."""
    return {
        "snapshot": Param(
            "latest",
            type="string",
            pattern="^(latest|[0-9a-fA-F]{4,64})$",
            title="Snapshot",
            description="'latest', or a snapshot's id or the beginning of it.",
        ),
        "before": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Before",
            description="The latest snapshot taken before this time. Empty: no matter when.",
        ),
        "hostname": Param(
            hostname,
            type="string",
            title="Host",
            description="Only snapshots of this restic host (Stash's alias).",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Download and check everything, tell what would be lost, and stop nothing.",
        ),
        "approval": Param(
            approval,
            type="boolean",
            title="Ask before the stop",
            description="Show what will be lost and wait for a person's approval before any member is stopped.",
        ),
        "bump_revision": Param(
            str(bump_revision),
            type="string",
            pattern="^(auto|off|[0-9]+)$",
            title="Move revisions on",
            description="'auto', 'off' or a number: how far, so that watchers don't take the past for the present.",
        ),
    }
