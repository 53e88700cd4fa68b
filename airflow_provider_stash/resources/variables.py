"""Stash's variables in Tasks, Functions and blueprints, as its library (gomodules.xyz/envsubst) puts them in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.refusal import Refused

_VARIABLE = re.compile(r"\$\$|\$\{(?:(?P<name>\w+)(?:(?::=|:-|=)(?P<default>[^}]*))?\}|[^}]*\}?)", re.DOTALL)
_TAKEN = "${NAME}, ${NAME:=default}, ${NAME:-default} and ${NAME=default}"


def substitute(value: Any, variables: Mapping[str, str], path: str = "") -> Any:
    """
    Put variables into every text of a value.

    ``${NAME}`` is one, and ``${NAME:=default}``, ``${NAME:-default}`` and ``${NAME=default}``: all three take the
    default where the name is absent, and keep a value that is empty. ``$$`` is a dollar; ``$NAME`` and ``$(NAME)``
    are not Stash's.

    :param value: a text, a list or a mapping.
    :param variables: by name.
    :param path: of the value, for the error.
    :raises Refused: a variable has neither a value nor a default, or is written in another way.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value_of(match, variables, path), value)
    if isinstance(value, dict):
        return {
            substitute(name, variables, path): substitute(one, variables, f"{path}.{name}" if path else name)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [substitute(one, variables, f"{path}[{index}]") for index, one in enumerate(value)]
    return value


def _value_of(match: re.Match[str], variables: Mapping[str, str], path: str) -> str:
    if match[0] == "$$":
        return "$"
    name, default = match["name"], match["default"]
    if name is None or "${" in (default or ""):
        raise Refused(
            path,
            f"holds {match[0][:80]!r}: variables are taken as {_TAKEN}, without another one inside. "
            "Write $$ for a dollar that a shell is to see.",
        )
    if name in variables:
        return variables[name]
    if default is None:
        raise Refused(path, f"the variable {name} has no value here; give it one, or a default.")
    return default
