"""
Checks the parts of Stash's objects that are Kubernetes' own, such as security contexts and volumes: every field by its
name and kind, as ``kubernetes_fields.json`` lists them (``scripts/kubernetes-fields`` makes it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from airflow_provider_stash.resources.refusal import nearest
from airflow_provider_stash.resources.scalars import quantity

_QUANTITIES = {"limits", "requests", "sizeLimit", "divisor", "capacity", "allocatedResources"}
_SCALARS = {"str": (str, "a text"), "int": (int, "a whole number"), "bool": (bool, "true or false")}
_INNER = re.compile(r"^(list|dict)\[(?:str, )?(.+)\]$")


class KubernetesType:
    """
    Validator of a pydantic field that holds a Kubernetes type, to be put into ``Annotated``.

    :param name: of the type, such as ``V1SecurityContext`` or ``list[V1Volume]``.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check after pydantic took the value as it is."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: Any) -> Any:
        """Give the value back, or raise for the first field that is wrong."""
        _check(value, self.name, "")
        return value


def is_volume_source(name: str) -> bool:
    """Tell whether a volume can have a source of this name, such as ``hostPath``."""
    return name in _types()["V1Volume"] and name != "name"


@cache
def _types() -> dict[str, dict[str, str]]:
    types: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_name("kubernetes_fields.json").read_text()
    )
    return types


def _check(value: Any, kind: str, path: str) -> None:
    inner = _INNER.match(kind)
    if inner is not None:
        _check_many(value, inner[1], inner[2], path)
    elif kind in _types():
        _check_fields(value, _types()[kind], path)
    elif kind in _SCALARS:
        expected, words = _SCALARS[kind]
        if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
            raise _wrong(path, f"is not {words}.")


def _check_many(value: Any, container: str, kind: str, path: str) -> None:
    if container == "list":
        if not isinstance(value, list):
            raise _wrong(path, "is not a list.")
        for index, one in enumerate(value):
            _check(one, kind, f"{path}[{index}]")
    else:
        if not isinstance(value, dict):
            raise _wrong(path, "is not a mapping.")
        for name, one in value.items():
            _check(one, kind, f"{path}.{name}")


def _check_fields(value: Any, fields: Mapping[str, str], path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(path, "is not a mapping of fields.")
    for name, one in value.items():
        if name not in fields:
            raise _wrong(f"{path}.{name}", f"is not a field that Kubernetes knows.{nearest(name, fields)}")
        if name in _QUANTITIES:
            _check_quantities(one, f"{path}.{name}")
        else:
            _check(one, fields[name], f"{path}.{name}")


def _check_quantities(value: Any, path: str) -> None:
    for name, one in value.items() if isinstance(value, dict) else [("", value)]:
        try:
            quantity(one)
        except PydanticCustomError as error:
            raise _wrong(f"{path}.{name}".rstrip("."), f"{error.message()}.") from error


def _wrong(path: str, sentence: str) -> PydanticCustomError:
    return PydanticCustomError("nearest", "{sentence}", {"path": path, "sentence": sentence})
