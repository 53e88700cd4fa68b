"""The form of a restore of several clusters, and what its fields forbid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.dags.forms import CONFIRM, require_confirmation, restore_form
from airflow_provider_stash.operators.base import as_bool

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.resources.plan import MemberPlan

MEMBER_FIELDS = ("snapshot", "hostname", "bump_revision")
"""Fields that each member has for itself; in the form the member's name and a dot are before them."""
BATCH_FIELDS = ("before", "approval", "dry_run")
"""Fields that are for all members."""
GO_ON = "go_on_after_failure"
"""The field that lets the next member have its turn in any case."""
_ALL = "All members"


def batch_form(
    members: Sequence[MemberPlan],
    bumps: Mapping[str, str | int],
    approval: bool,
    *,
    sequential: bool,
    phrase: str | None,
) -> dict[str, Param]:
    """
    Make the form: a section for each member, then what is for all.

    :param bumps: how far each member's revisions move on at first, by the member's name; none of one with a Task of
        the user's own.
    :param approval: whether a person is asked, at first.
    :param sequential: whether members are restored one after another.
    :param phrase: what must be typed; None: nothing.
    """
    form: dict[str, Param] = {}
    for member in members:
        for name, param in _of_member(member, bumps).items():
            param.schema["section"] = f"Member {member.name}"
            form[f"{member.name}.{name}"] = param
    whole = restore_form("", approval, "auto", phrase=phrase)
    if sequential:
        whole[GO_ON] = Param(
            False,
            type="boolean",
            title="Go on after a failure",
            description="Restore the next member although one before it failed, as Stash does. Off: the first failure "
            "leaves those behind it as they are.",
            section=_ALL,
        )
    before = whole["before"]
    before.description = "Of each member that restores 'latest': the latest snapshot taken before this time."
    before.schema["section"] = whole["approval"].schema["section"] = _ALL
    if not bumps:  # a Task of the user's own asks for no time
        del whole["before"]
    form |= {name: whole[name] for name in ("before", "approval", GO_ON, "dry_run", CONFIRM) if name in whole}
    if phrase is not None:
        form[CONFIRM].description = f"To restore, type {phrase}. A dry run needs nothing here."
        form[CONFIRM].schema["title"] = "The batch's name"
    return form


def _of_member(member: MemberPlan, bumps: Mapping[str, str | int]) -> dict[str, Param]:
    switch = Param(
        True,
        type="boolean",
        title="Restore this member",
        description="Turn off to leave this member's cluster alone.",
    )
    if member.restore is None:  # a Task of the user's own, which chooses by the manifest's rules
        return {"restore": switch}
    own = restore_form(member.hostname, False, bumps[member.name], phrase=None)
    own["snapshot"].value = member.restore.snapshot
    return {"restore": switch, **{name: own[name] for name in MEMBER_FIELDS}}


def may_restore(member: str, phrase: str | None) -> Callable[[Context], None]:
    """
    Make a ``pre_execute`` of a member's first task: nothing begins unconfirmed, or for a member that is turned off.

    :param phrase: as given to ``batch_form``.
    """
    confirmed = require_confirmation(phrase) if phrase is not None else None
    field = f"{member}.restore"

    def check(context: Context) -> None:
        if confirmed is not None:
            confirmed(context)
        if not as_bool(context["params"][field], field):
            raise AirflowSkipException(f"The member {member} was turned off in the form.")

    return check
