"""Values as Go sees them: their types, their truth, and how they are printed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any


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


class CallError(Exception):
    """A function can't do with what it was given, or a value can't be printed."""


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

    :raises CallError: it is data with fields.
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
        raise CallError(f"it has fields ({', '.join(value)}): print one of them.")
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
