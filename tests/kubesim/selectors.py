"""Label and field selectors, as in queries and in objects."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.kubesim.objects import Object, dig

_SET = re.compile(r"(\S+)\s+(in|notin)\s+\((.*)\)")
_FIELD = re.compile(r"([^!=]+)(!=|==?)(.*)")


def labels_match(selector: str | None, labels: Mapping[str, str]) -> bool:
    """Tell whether labels fit ``a=b,c!=d,e in (f, g),h,!i``."""
    parts = (part.strip() for part in re.split(r",(?![^(]*\))", selector or ""))
    return all(_label_matches(part, labels) for part in parts if part)


def _label_matches(part: str, labels: Mapping[str, str]) -> bool:
    if match := _SET.fullmatch(part):
        among = labels.get(match[1]) in [one.strip() for one in match[3].split(",")]
        return among == (match[2] == "in")
    if "!=" in part:
        name, value = part.split("!=")
        return labels.get(name.strip()) != value.strip()
    if "=" in part:
        name, value = re.split("==?", part)
        return labels.get(name.strip()) == value.strip()
    return (part[1:] not in labels) if part[0] == "!" else part in labels


def fields_match(selector: str | None, thing: Object) -> bool:
    """Tell whether an object fits ``metadata.name=a,status.phase!=Running``."""
    for part in filter(None, (selector or "").split(",")):
        match = _FIELD.fullmatch(part)
        if match is None or (str(dig(thing, match[1], "")) == match[3]) == (match[2] == "!="):
            return False
    return True


def selected(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether labels hold all of a Service's or a controller's; an empty selector selects nothing."""
    return bool(selector) and all(labels.get(name) == value for name, value in (selector or {}).items())
