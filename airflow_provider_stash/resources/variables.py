"""Stash's variables: ``${NAME}`` and ``${NAME:=default}`` in Tasks, Functions and blueprints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.refusal import Refused

_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::?=(?P<default>[^}]*))?\}")


def substitute(value: Any, variables: Mapping[str, str], path: str = "") -> Any:
    """
    Put variables into every text of a value.

    :param value: a text, a list or a mapping.
    :param variables: by name.
    :param path: of the value, for the error.
    :raises Refused: a variable has neither a value nor a default.
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
    value = variables.get(match["name"], "")
    if value:
        return value
    if match["default"] is None and match["name"] not in variables:
        raise Refused(path, f"the variable {match['name']} has no value here; give it one, or a default.")
    return match["default"] or ""
