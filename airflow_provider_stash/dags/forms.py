"""The forms of manual triggers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_stash.operators.base import as_bool

if TYPE_CHECKING:
    from airflow.sdk import Context

CONFIRM = "confirm"
"""The field that a person types the cluster's name into."""

# Airflow checks no format unless a further package is installed.
_MOMENT = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+\-]\d\d:\d\d)?)?$"

_SPECIAL, _ESCAPED = r"([\\.*+?^$|()\[\]{}/])", r"\\\1"

_BUMPS = {
    "auto": "Automatic: past the last known revision, so that watchers start anew (recommended)",
    "off": "Off: count on from the snapshot's revision; watchers must be restarted by hand",
}

_OF_SNAPSHOT = {"tags", "keep_forever"}

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


def backup_form(*, own_task: bool = False, check: bool = True) -> dict[str, Param]:
    """
    Make the form of a backup.

    :param own_task: whether a Task of the user's own takes it, which tags its snapshots itself.
    :param check: whether the repository is checked, so that its data can be verified.
    """
    snapshot, run = "The snapshot", "This run"
    form = {
        "tags": Param(
            [],
            type=["array", "null"],
            items={"type": "string", "pattern": "^[^,]+$"},
            title="Tags",
            description="Further tags for this snapshot, one a line; no commas. To find it again: before-upgrade.",
            section=snapshot,
        ),
        "keep_forever": Param(
            False,
            type="boolean",
            title="Keep for ever",
            description="Tag the snapshot keep-forever: no retention policy of this package removes it.",
            section=snapshot,
        ),
        "retention": Param(
            True,
            type="boolean",
            title="Apply the retention policy",
            description="Turn off to remove no snapshot in this run.",
            section=run,
        ),
        "verify_deeply": Param(
            False,
            type="boolean",
            title="Verify deeply",
            description="Read and verify all data of the repository, not its structure alone. Takes as long as "
            "downloading all of it.",
            section=run,
        ),
    }
    without = (_OF_SNAPSHOT if own_task else set()) | (set() if check else {"verify_deeply"})
    return {name: param for name, param in form.items() if name not in without}


def restore_form(
    hostname: str, approval: bool, bump_revision: str | int, *, phrase: str | None
) -> dict[str, Param]:
    """
    Make the form of a restore; the arguments are what it offers at first.

    :param phrase: what a person must type before a restore that is not a dry run; None: nothing.
    """
    what, how, confirm = "What to restore", "How", "Go"
    bumps = {**_BUMPS, str(bump_revision): _BUMPS.get(str(bump_revision), f"By {bump_revision} revisions")}
    form = {
        "snapshot": Param(
            "latest",
            type="string",
            pattern="^(latest|[0-9a-fA-F]{4,64})$",
            title="Snapshot",
            description="'latest', or a snapshot's id or the beginning of it. The Backups page and the task status of "
            "the backup DAG list them.",
            section=what,
        ),
        "before": Param(
            None,
            type=["null", "string"],
            format="date-time",
            pattern=_MOMENT,
            title="Before",
            description="With 'latest': the latest snapshot taken before this time, such as the minute before the "
            "accident. Empty: no matter when.",
            section=what,
        ),
        "hostname": Param(
            hostname,
            type="string",
            minLength=1,
            title="Host",
            description="Only snapshots of this restic host (Stash's alias). Leave it as it is, unless the backup DAG "
            "names another.",
            section=what,
        ),
        "bump_revision": Param(
            str(bump_revision),
            type="string",
            enum=list(bumps),
            values_display=bumps,
            title="Move revisions on",
            description="After a restore etcd counts on from an older revision: watchers, such as a Kubernetes API "
            "server, would take the past for the present.",
            section=how,
        ),
        "approval": Param(
            approval,
            type="boolean",
            title="Ask before the stop",
            description="When all is checked: show what will be lost, and wait for a person's approval (Required "
            "Actions) before any member is stopped.",
            section=how,
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Download and check everything, tell what would be lost, and stop nothing.",
            section=confirm,
        ),
    }
    if phrase is not None:
        form[CONFIRM] = Param(
            None,
            type=["null", "string"],
            # Not re.escape: browsers read the pattern too, and know not all of its escapes.
            pattern=f"^{re.sub(_SPECIAL, _ESCAPED, phrase)}$",
            title="The cluster's name",
            description=f"To restore, type {phrase}, the connection of the cluster that will be overwritten. A dry run "
            "needs nothing here.",
            section=confirm,
        )
    return form


def require_confirmation(phrase: str) -> Callable[[Context], None]:
    """
    Make a ``pre_execute`` of the first task: nothing begins before the phrase was typed, unless it is a dry run.

    A wrong phrase is refused by the form's schema, before the run is made. That it is missing is refused here:
    Airflow validates each field by itself, and whether it is needed depends on another.

    :param phrase: as given to ``restore_form``.
    """

    def check(context: Context) -> None:
        params: Mapping[str, Any] = context["params"]
        if not as_bool(params["dry_run"], "dry_run") and params.get(CONFIRM) != phrase:
            raise AirflowFailException(
                f"The restore was not confirmed: type {phrase} into the form's last field (by the API: "
                f'"{CONFIRM}": "{phrase}" in conf), or choose a dry run. Nothing was done.'
            )

    return check
