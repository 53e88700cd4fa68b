"""The retention policy: which snapshots are kept (Stash: ``retentionPolicy``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError

_COUNTS = {
    "keep_last": "--keep-last",
    "keep_hourly": "--keep-hourly",
    "keep_daily": "--keep-daily",
    "keep_weekly": "--keep-weekly",
    "keep_monthly": "--keep-monthly",
    "keep_yearly": "--keep-yearly",
}


def _in_stash(name: str) -> str:
    return re.sub(r"_(\w)", lambda m: m[1].upper(), name)


@dataclass(frozen=True)
class RetentionPolicy:
    """
    Which snapshots to keep (Stash: ``retentionPolicy``).

    :param keep_last: this many of the latest; ``keep_hourly`` and so on: the latest of this many hours.
    :param keep_tags: those with one of these tags (each may be several, comma separated: all of them).
    :param prune: free the space of data that no snapshot needs any more.
    :param dry_run: only tell what would be removed.
    """

    keep_last: int = 0
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0
    keep_tags: Sequence[str] = field(default=())
    prune: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidConfigurationError(
                    f"Retention policy: {name} is {value!r}; give a number from 0 on."
                )
        for name in ("prune", "dry_run"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidConfigurationError(
                    f"Retention policy: {name} is {getattr(self, name)!r}; give true or false."
                )
        tags = self.keep_tags
        if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) and tag for tag in tags):
            # restic would be told to keep each letter of a bare text, and remove what it was to keep.
            raise InvalidConfigurationError(
                f'Retention policy: keep_tags is {tags!r}; give a list of tags, such as ["important"].'
            )
        if not any(getattr(self, name) for name in _COUNTS) and not self.keep_tags:
            raise InvalidConfigurationError(
                "The retention policy keeps nothing: give at least one of "
                f"{', '.join(_COUNTS)} or keep_tags, such as keep_last=5."
            )

    @classmethod
    def from_stash(cls, fields: Mapping[str, Any]) -> RetentionPolicy:
        """
        Read a policy in Stash's names: ``keepLast``, ``keepTags``, ``dryRun``, ...; ``name`` is ignored.

        :raises InvalidConfigurationError: an unknown field, or a value that can't be meant.
        """
        known = {_in_stash(name): name for name in cls.__dataclass_fields__}
        unknown = set(fields) - set(known) - {"name"}
        if unknown:
            raise InvalidConfigurationError(
                f"Retention policy: unknown field {', '.join(sorted(unknown))}; known are {', '.join(known)}."
            )
        return cls(**{known[name]: value for name, value in fields.items() if name in known})

    def to_stash(self) -> dict[str, Any]:
        """Write the policy in Stash's names, without what is left at its default."""
        return {
            _in_stash(name): list(value) if isinstance(value, (tuple, list)) else value
            for name in self.__dataclass_fields__
            if (value := getattr(self, name))
        }

    def keeping(self, tag: str) -> RetentionPolicy:
        """Give the same policy, which also keeps snapshots with this tag."""
        return replace(self, keep_tags=(*self.keep_tags, tag))

    def arguments(self) -> list[str]:
        """Write the policy as restic's flags."""
        flags = [f"{flag}={getattr(self, name)}" for name, flag in _COUNTS.items() if getattr(self, name)]
        return flags + [f"--keep-tag={tag}" for tag in self.keep_tags]
