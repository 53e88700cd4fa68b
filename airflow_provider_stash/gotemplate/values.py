"""Values as Go sees them: their types, their truth, and how they are printed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

_POINTER = "APIGroup"
"""The field that is a pointer in Kubernetes' type of ``.Invoker``."""


class Struct(Mapping[str, Any]):
    """
    Data with fixed fields: a field that is not there is an error, where a missing key of a map is no value.

    :param fields: the fields, in Go's spelling.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def printed(self, write: Callable[[Any], str], *, names: bool = False) -> str:
        """
        Print the fields in their order, as Go does.

        :param write: prints one value.
        :param names: whether each has its name before it, as with ``%+v``.
        :raises StructError: one is a pointer.
        """
        if _POINTER in self:
            raise StructError(
                f"Go would print the address of .{_POINTER} here: print the fields one by one "
                f"({', '.join(self)}), or all of them by toJson."
            )
        fields = ((f"{name}:" if names else "") + write(value) for name, value in self.items())
        return f"{{{' '.join(fields)}}}"

    def json_fields(self) -> dict[str, Any]:
        """Give the fields by their names in Stash's JSON, without those that are empty: ``omitempty``."""
        return {_json_name(name): value for name, value in self.items() if truth(value)}


def _json_name(name: str) -> str:
    """Write a field's name as Kubernetes' JSON does: ``apiVersion`` of ``APIVersion``."""
    return re.sub("^[A-Z]+?(?=[A-Z][a-z]|[a-z]|$)", lambda found: found[0].lower(), name)


class CallError(Exception):
    """A function can't do with what it was given, or a value can't be printed."""


class StructError(CallError):
    """The same of data with fields: what no other session's data can change."""


def unfit(value: Any, message: str) -> CallError:
    """Make the error that a value is of a type that can't be taken."""
    return StructError(message) if isinstance(value, Struct) else CallError(message)


class NoValue:
    """What a missing key gives; not nil, whose fields can't be asked for."""

    def __repr__(self) -> str:
        return "<no value>"


NO_VALUE = NoValue()


def type_name(value: Any) -> str:
    """Name a value's type in Go's words."""
    if value is None or value is NO_VALUE:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    for kind, name in (
        (int, "int"), (float, "float64"), (str, "string"), (Struct, "struct"),
        (list, "[]interface {}"), (dict, "map[string]interface {}"),
    ):  # fmt: skip
        if isinstance(value, kind):
            return name
    return type(value).__name__


def truth(value: Any) -> bool:
    """Tell whether a value counts as true: anything but false, 0, nil and what is empty."""
    return isinstance(value, Struct) or (value is not NO_VALUE and bool(value))


def text(value: Any) -> str:
    """
    Print a value as Go's ``%v`` does.

    :raises StructError: it is data of whose fields Go prints an address.
    """
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, list):
        return f"[{' '.join(text(one) for one in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, Struct):
        return value.printed(text)
    return str(value)


def float_text(value: float, largest: int = 6, smallest: int = -4) -> str:
    """
    Print a float with the fewest digits that read back as the same, as Go's ``%v`` does.

    :param largest: the power of ten from which it is written with an exponent.
    :param smallest: the power of ten below which it is.
    """
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    sign, digits, exponent = decimal_digits(value)
    if not smallest <= exponent < largest:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def decimal_digits(value: float) -> tuple[str, str, int]:
    """Give the sign, the shortest digits that read back as the same float, and the first one's power of ten."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    assert isinstance(exponent, int)  # no infinity
    written = "".join(map(str, digits)).lstrip("0")
    return sign, written.rstrip("0") or "0", exponent + len(written) - 1 if written else 0
