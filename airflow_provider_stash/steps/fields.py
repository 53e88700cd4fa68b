"""Reads mappings in Stash's names, and refuses what is unknown, missing or of the wrong type, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from airflow_provider_stash.exceptions import InvalidConfigurationError


@dataclass(frozen=True)
class Fields:
    """
    A mapping, and where it stands. No value is repeated in an error: it may be a secret.

    :param mapping: the mapping.
    :param where: its place, such as ``postBackup.httpPost``.
    :raises InvalidConfigurationError: it is no mapping.
    """

    mapping: Mapping[str, Any]
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.mapping, Mapping):
            self.refuse("", f"give fields and values, not {_kind(self.mapping)}.")

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Raise an error about a field; about all of them without a name."""
        place = f"{self.where}.{name}" if name else self.where
        raise InvalidConfigurationError(f"{place}: {reason}")

    def only(self, *known: str) -> None:
        """Refuse other fields than these."""
        for name in self.mapping:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
                self.refuse(str(name), f"unknown field; {hint}")

    def get(self, name: str) -> Any:
        """Give a value as it is; None: there is none."""
        return self.mapping.get(name)

    def within(self, name: str) -> Fields | None:
        """Give a mapping in this one."""
        found = self.get(name)
        return None if found is None else Fields(found, f"{self.where}.{name}")

    def each(self, name: str, *known: str) -> list[Fields]:
        """Give the mappings of a list, which have no other fields than these."""
        entries = [Fields(one, f"{self.where}.{name}[{at}]") for at, one in enumerate(self.items(name))]
        for one in entries:
            one.only(*known)
        return entries

    def items(self, name: str) -> Sequence[Any]:
        """Give a list; an empty one where there is none."""
        found = self.get(name) or []
        if not isinstance(found, Sequence) or isinstance(found, str):
            self.refuse(name, f"give a list, not {_kind(found)}.")
        return found

    def string(self, name: str, value: Any) -> str:
        """Give a value that must be a string."""
        if not isinstance(value, str):
            self.refuse(name, f"must be a string, not {_kind(value)}: put it in quotes.")
        return value

    def text(self, name: str) -> str | None:
        """Give a string; None: there is none, or it is empty."""
        value = self.get(name)
        return None if value is None else self.string(name, value) or None

    def needed(self, name: str) -> str:
        """Give a string that must be there; it may be empty."""
        value = self.get(name)
        if value is None:
            self.refuse(name, "is missing.")
        return self.string(name, value)


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__
