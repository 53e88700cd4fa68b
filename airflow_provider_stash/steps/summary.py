"""What a hook's templates see of a session: Stash's Summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.steps.fields import Fields

if TYPE_CHECKING:
    from airflow_provider_stash.gotemplate import Struct

_FIELDS: dict[str, tuple[str, ...]] = {
    "namespace": (),
    "invoker": ("apiGroup", "kind", "name"),
    "target": ("apiVersion", "kind", "name", "namespace"),
}
_GO_NAMES = {"apiGroup": "APIGroup", "apiVersion": "APIVersion"}


@dataclass(frozen=True)
class Status:
    """
    How a session stands.

    :param phase: ``Succeeded`` or ``Failed``.
    :param duration: seconds since the session began.
    :param error: the first thing that failed; empty: nothing did.
    :param retry_left: how many tries are left.
    """

    phase: str
    duration: float = 0.0
    error: str = ""
    retry_left: int = 0


def check_session(session: Mapping[str, Any]) -> None:
    """
    Refuse a description of a session that has other fields than Stash's summary.

    :param session: ``namespace``, ``invoker`` {``apiGroup``, ``kind``, ``name``} and ``target``
        {``apiVersion``, ``kind``, ``name``, ``namespace``}, each of them if there is one.
    :raises InvalidConfigurationError: the field that is not known, or no string.
    """
    fields = Fields(session, "session")
    fields.only(*_FIELDS)
    for name, known in _FIELDS.items():
        if not known:
            fields.text(name)
            continue
        inner = fields.within(name)
        if inner is not None:
            inner.only(*known)
            for one in inner.mapping:
                inner.needed(one)


def summary(session: Mapping[str, Any], name: str, status: Status) -> Struct:
    """
    Make the data of a hook's templates: ``.Name``, ``.Namespace``, ``.Invoker``, ``.Target``, ``.Status``,
    ``.RetryLeft``.

    :param session: see ``check_session``; what it does not tell is empty.
    :param name: the session's name.
    """
    from airflow_provider_stash.gotemplate import Struct

    fields: dict[str, Any] = {"Name": name}
    for outer, inner in _FIELDS.items():
        given = session.get(outer)
        if inner:
            given = Struct({_go_name(one): (given or {}).get(one, "") for one in inner})
        fields[_go_name(outer)] = given or ""
    error = status.error.encode(errors="replace").decode()  # what is no UTF-8 can't be sent
    fields["Status"] = Struct(
        {"Phase": status.phase, "Duration": go_duration(status.duration), "Error": error}
    )
    fields["RetryLeft"] = status.retry_left
    return Struct(fields)


def _go_name(name: str) -> str:
    return _GO_NAMES.get(name, name[:1].upper() + name[1:])


def go_duration(seconds: float) -> str:
    """Write a length of time as Go does, rounded to seconds: ``1h2m3s``."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
