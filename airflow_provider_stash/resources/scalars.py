"""Kubernetes' own kinds of values: durations, quantities, int-or-string. Each keeps its text, to be written back."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

_UNIT_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6,
    "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


class Duration(str):
    """A duration as Go writes it, such as ``1h30m`` or ``250ms``; no sign."""

    nanoseconds: int

    def __new__(cls, text: str) -> Duration:
        """Read it; raises ValueError for anything else."""
        parts = _DURATION_PART.findall(text)
        if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
            raise ValueError(text)
        duration = super().__new__(cls, text)
        duration.nanoseconds = int(sum(Decimal(number) * _UNIT_NANOSECONDS[unit] for number, unit in parts))
        return duration

    @property
    def timedelta(self) -> timedelta:
        """The same, to the microsecond."""
        return timedelta(microseconds=self.nanoseconds / 1000)


class Quantity(str):
    """A quantity as Kubernetes writes it, such as ``1Gi``, ``200m`` or ``0.5``."""

    number: Decimal

    def __new__(cls, text: str) -> Quantity:
        """Read it; raises ValueError for anything else."""
        match = _QUANTITY.match(text)
        if match is None:
            raise ValueError(text)
        digits, suffix = match[1], match[2] or ""
        number = Decimal(digits)
        if suffix in _BINARY:
            number *= 1 << 10 * _BINARY[suffix]
        elif suffix in _DECIMAL:
            number = number.scaleb(_DECIMAL[suffix])
        elif suffix:
            number = number.scaleb(int(suffix[1:]))
        quantity = super().__new__(cls, text)
        quantity.number = number
        return quantity


def duration(value: Any) -> Duration:
    """Read a duration; the error tells how one is written."""
    try:
        if isinstance(value, str):
            return Duration(value)
    except ValueError:
        pass
    raise PydanticCustomError("duration", "is no duration: write it like 90s, 10m or 1h30m")


def quantity(value: Any) -> Any:
    """Read a quantity; a number is one too, and stays one."""
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            read = Quantity(str(value))
            return read if isinstance(value, str) else value
    except ValueError:
        pass
    raise PydanticCustomError("quantity", "is no quantity: write it like 512Mi, 2Gi or 0.5")


def int_or_string(value: Any) -> Any:
    """Take a port's number or name, as it is."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("int_or_string", "is neither a whole number nor a text")
    return value


_KEEP = PlainSerializer(lambda value: value, return_type=Any)
DurationText = Annotated[Any, BeforeValidator(duration), _KEEP]
QuantityText = Annotated[Any, BeforeValidator(quantity), _KEEP]
IntOrString = Annotated[Any, BeforeValidator(int_or_string), _KEEP]
