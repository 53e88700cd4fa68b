"""Calls of a template's functions: the number and the types of what they are given, as Go checks them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.gotemplate.values import NO_VALUE, CallError, type_name, unfit

# The types that functions' annotations may name, and Go's names of them.
_TYPES: dict[str, tuple[type, str]] = {
    "str": (str, "string"),
    "int": (int, "int"),
    "bool": (bool, "bool"),
    "list[Any]": (list, "list"),
    "dict[str, Any]": (dict, "dict"),
}


@dataclass(frozen=True, slots=True)
class Function:
    """
    A function of templates, known by its annotations.

    :param run: the function.
    :param types: the annotations of its arguments.
    :param rest: the annotation of any number of further ones; None: there are none.
    """

    run: Callable[..., Any]
    types: tuple[str, ...]
    rest: str | None

    @classmethod
    def of(cls, run: Callable[..., Any]) -> Function:
        """Read a function's annotations."""
        types: list[str] = []
        rest = None
        for parameter in inspect.signature(run).parameters.values():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = str(parameter.annotation)
            else:
                types.append(str(parameter.annotation))
        return cls(run, tuple(types), rest)

    def __call__(self, values: Sequence[Any]) -> Any:
        """
        Call it.

        :raises CallError: the arguments are too few, too many, or of the wrong types.
        """
        least = len(self.types)
        if len(values) < least or (self.rest is None and len(values) > least):
            wanted = f"at least {least}" if self.rest is not None else str(least)
            raise CallError(f"wrong number of arguments: give {wanted}, not {len(values)}.")
        given = [None if value is NO_VALUE else value for value in values]
        for at, value in enumerate(given):
            annotation = self.types[at] if at < least else str(self.rest)
            if annotation in _TYPES:
                kind, name = _TYPES[annotation]
                if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                    message = f"argument {at + 1} must be of type {name}, not {type_name(value)}."
                    raise unfit(value, message)
        return self.run(*given)
