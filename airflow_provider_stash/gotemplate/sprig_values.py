"""sprig's functions of numbers, of what is empty, and of JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from airflow_provider_stash.gotemplate.values import CallError, Struct, float_text, truth

_BITS = 1 << 63


# --- numbers --------------------------------------------------------------------------------------


def _wrapped(value: int) -> int:
    """Keep a number within 64 bits, as Go does."""
    return (value + _BITS) % (2 * _BITS) - _BITS


def as_int(value: Any) -> int:
    """Make a whole number of a value; what is none counts 0."""
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return int(value) if abs(value) < _BITS else -_BITS
    if isinstance(value, str) and len(value) < 100:
        # A whole number in Go's spelling; a fraction of zeros is dropped.
        found = re.fullmatch(r"([+-]?)(0[xX][0-9A-Fa-f]+|0[oO]?[0-7]*|0[bB][01]+|[1-9][0-9]*)(\.0*)?", value)
        if found and not (found[3] and found[2][:1] == "0" and len(found[2]) > 1):
            digits = found[2]
            base = 8 if re.fullmatch("0[0-7]+", digits) else 0
            number = int(digits, base)
            number = -number if found[1] == "-" else number
            return number if -_BITS <= number < _BITS else 0
    return 0


def _as_float(value: Any) -> float:
    """Make a number with a fraction of a value; what is none counts 0."""
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str) and value == value.strip() and "_" not in value:
        try:
            return float(value)
        except ValueError:
            return 0.0
    return 0.0


def atoi(value: str) -> int:
    """Read a decimal number; what is none counts 0."""
    return int(value) if re.fullmatch(r"[+-]?[0-9]{1,100}", value) and abs(int(value)) < _BITS else 0


def add(*values: Any) -> int:
    """Add whole numbers."""
    return _wrapped(sum(map(as_int, values)))


def add1(value: Any) -> int:
    """Add one."""
    return _wrapped(as_int(value) + 1)


def sub(value: Any, other: Any) -> int:
    """Subtract."""
    return _wrapped(as_int(value) - as_int(other))


def mul(value: Any, *others: Any) -> int:
    """Multiply."""
    return _wrapped(math.prod(map(as_int, others), start=as_int(value)))


def div(value: Any, other: Any) -> int:
    """Divide, towards zero."""
    dividend, divisor = as_int(value), as_int(other)
    if divisor == 0:
        raise CallError("division by zero.")
    quotient = abs(dividend) // abs(divisor)
    return _wrapped(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def mod(value: Any, other: Any) -> int:
    """Give the rest of a division, with the dividend's sign."""
    if as_int(other) == 0:
        raise CallError("division by zero.")
    rest = abs(as_int(value)) % abs(as_int(other))
    return -rest if as_int(value) < 0 else rest


def max_(value: Any, *others: Any) -> int:
    """Give the greatest."""
    return max(map(as_int, (value, *others)))


def min_(value: Any, *others: Any) -> int:
    """Give the least."""
    return min(map(as_int, (value, *others)))


def _rounded(by: Callable[[float], int], value: float) -> float:
    """Round, but for what is infinite or no number; a zero keeps its sign."""
    return math.copysign(by(value), value) if math.isfinite(value) else value


def floor(value: Any) -> float:
    """Round down."""
    return _rounded(math.floor, _as_float(value))


def ceil(value: Any) -> float:
    """Round up."""
    return _rounded(math.ceil, _as_float(value))


def round_(value: Any, places: int) -> float:
    """Round half up, to so many places."""
    if not -323 <= places <= 308:  # the power is infinite or 0, and Go divides it by itself
        return math.nan
    power = math.pow(10, places)
    scaled = power * _as_float(value)
    return _rounded(math.ceil if math.modf(scaled)[0] >= 0.5 else math.floor, scaled) / power


def until(count: int) -> list[int]:
    """Give the numbers from 0 until before another."""
    if abs(count) > 10_000:
        raise CallError(f"{count} is out of range.")
    return list(range(0, count, 1 if count >= 0 else -1))


# --- what is empty --------------------------------------------------------------------------------


def default(instead: Any, *given: Any) -> Any:
    """Give a value, or another instead when it is empty."""
    return given[0] if given and truth(given[0]) else instead


def empty(value: Any) -> bool:
    """Tell whether a value is empty."""
    return not truth(value)


def coalesce(*values: Any) -> Any:
    """Give the first that is not empty."""
    return next((value for value in values if truth(value)), None)


def all_(*values: Any) -> bool:
    """Tell whether none is empty."""
    return all(map(truth, values))


def any_(*values: Any) -> bool:
    """Tell whether one is not empty."""
    return any(map(truth, values))


def ternary(true: Any, false: Any, condition: bool) -> Any:
    """Choose by a truth value."""
    return true if condition else false


def fail(message: str) -> Any:
    """End the rendering with an error."""
    raise CallError(message)


# --- JSON -----------------------------------------------------------------------------------------


def _json(value: Any, newline: str) -> str:
    inner = newline + "  " if newline else ""
    if isinstance(value, Struct):
        return _json_object(value.json_fields(), newline)
    if isinstance(value, dict):
        return _json_object({key: value[key] for key in sorted(value, key=str.encode)}, newline)
    if isinstance(value, list):
        items = [_json(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(items)}{newline}]" if items else "[]"
    if isinstance(value, float):
        return _json_number(value)
    written = json.dumps(value, ensure_ascii=False)
    return written.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _json_object(fields: dict[str, Any], newline: str) -> str:
    inner, colon = (newline + "  ", ": ") if newline else ("", ":")
    items = [f"{_json(name, '')}{colon}{_json(value, inner)}" for name, value in fields.items()]
    return f"{{{inner}{f',{inner}'.join(items)}{newline}}}" if items else "{}"


def _json_number(value: float) -> str:
    written = float_text(value, largest=21, smallest=-6)
    return re.sub(r"e-0(\d)$", r"e-\1", written)


def _html_safe(written: str) -> str:
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def to_json(value: Any) -> str:
    """Write as JSON, safe inside HTML."""
    return _html_safe(_json(value, ""))


def to_pretty_json(value: Any) -> str:
    """Write as JSON on several lines."""
    return _html_safe(_json(value, "\n"))


def to_raw_json(value: Any) -> str:
    """Write as JSON, with ``<``, ``>`` and ``&`` as they are."""
    return _json(value, "")


def from_json(value: str) -> Any:
    """Read JSON; its numbers have fractions, what is none is nil."""
    try:
        return json.loads(value, parse_int=_finite, parse_float=_finite, parse_constant=_finite)
    except ValueError:
        return None


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"{literal} is no number of JSON, or does not fit into 64 bits")
    return value


VALUES: dict[str, Callable[..., Any]] = {
    "add": add,
    "add1": add1,
    "all": all_,
    "any": any_,
    "atoi": atoi,
    "ceil": ceil,
    "coalesce": coalesce,
    "default": default,
    "div": div,
    "empty": empty,
    "fail": fail,
    "float64": _as_float,
    "floor": floor,
    "fromJson": from_json,
    "int": as_int,
    "int64": as_int,
    "max": max_,
    "min": min_,
    "mod": mod,
    "mul": mul,
    "round": round_,
    "sub": sub,
    "ternary": ternary,
    "toJson": to_json,
    "toPrettyJson": to_pretty_json,
    "toRawJson": to_raw_json,
    "until": until,
}
