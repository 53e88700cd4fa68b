"""Go's fmt.Sprintf, for the values that templates know."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.gotemplate.values import decimal_digits, text, type_name

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|[0-9]*)(?P<point>\.(?P<precision>\*|[0-9]*))?(?P<verb>.?)", re.DOTALL
)
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}
_WIDEST = 10_000


def sprintf(format: str, *values: Any) -> str:  # noqa: A002  # Go's name of it
    """
    Print values into a format, as Go does; what does not fit is told in the result (``%!d(string=x)``).

    :param format: with verbs: v, s, q, d, b, o, x, X, c, U, t, e, E, f, F, g, G, T, %; flags, width, precision.
    """
    arguments = list(values)
    taken = 0

    def bound(name: str, found: re.Match[str]) -> tuple[int | None, str]:
        """Give a width or precision, and what is written when it is none."""
        nonlocal taken
        written = found[name]
        if written != "*":
            return (min(int(written), _WIDEST) if written else None), ""
        number = arguments[taken] if taken < len(arguments) else None
        taken += 1
        if isinstance(number, int) and not isinstance(number, bool) and abs(number) <= _WIDEST:
            return number, ""
        return None, "%!(BADWIDTH)" if name == "width" else "%!(BADPREC)"

    def one(found: re.Match[str]) -> str:
        nonlocal taken
        width, bad_width = bound("width", found)
        precision, bad_precision = bound("precision", found)
        bad = bad_width + bad_precision
        if found["point"] == ".":
            precision = 0
        flags = set(found["flags"])
        if width is not None and width < 0:
            flags.add("-")
            width = -width
        verb = found["verb"]
        if verb == "%":
            return bad + "%"
        if not verb:
            return bad + "%!(NOVERB)"
        if taken >= len(arguments):
            return f"{bad}%!{verb}(MISSING)"
        value = arguments[taken]
        taken += 1
        return bad + Verb(verb, frozenset(flags), width, precision).format(value)

    result = _VERB.sub(one, format)
    if taken < len(arguments):
        extra = ", ".join(_typed(value) for value in arguments[taken:])
        result += f"%!(EXTRA {extra})"
    return result


def quote(value: str) -> str:
    """Quote a string as Go's ``%q`` does."""
    return '"' + "".join(_escaped(char, '"') for char in value) + '"'


def _escaped(char: str, mark: str) -> str:
    if char == mark:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _typed(value: Any) -> str:
    return "<nil>" if value is None else f"{type_name(value)}={text(value)}"


@dataclass(frozen=True, slots=True)
class Verb:
    """
    One verb of a format.

    :param verb: its letter.
    :param flags: of ``-``, ``+``, ``#``, space and ``0``.
    :param width: in characters; None: as needed.
    :param precision: digits or characters; None: as needed.
    """

    verb: str
    flags: frozenset[str]
    width: int | None
    precision: int | None

    def format(self, value: Any) -> str:
        """Print one value."""
        if self.verb == "T":
            return self._pad(type_name(value))
        if value is None:
            return self._pad("<nil>") if self.verb == "v" else f"%!{self.verb}(<nil>)"
        if isinstance(value, list):
            return f"[{' '.join(self.format(one) for one in value)}]"
        if isinstance(value, dict):
            inner = " ".join(f"{self.format(key)}:{self.format(value[key])}" for key in sorted(value))
            return f"map[{inner}]"
        formatter = self._formatter(value)
        return formatter(value) if formatter is not None else f"%!{self.verb}({_typed(value)})"

    def _formatter(self, value: Any) -> Callable[[Any], str] | None:
        verb = self.verb
        if isinstance(value, bool):
            return (lambda it: self._pad(text(it))) if verb in "tv" else None
        if isinstance(value, int):
            return self._integer if verb in "vdboxXcqU" else None
        if isinstance(value, float):
            return self._float if verb in "veEfFgG" else None
        if isinstance(value, str):
            return self._string if verb in "vsqxX" else None
        return self._string if verb in "vs" else None

    def _pad(self, written: str, *, zero: bool = False) -> str:
        if self.width is None or len(written) >= self.width:
            return written
        if "-" in self.flags:
            return written.ljust(self.width)
        if not zero:
            return written.rjust(self.width)
        sign = written[:1] if written[:1] in {"+", "-", " "} else ""
        return sign + written[len(sign) :].rjust(self.width - len(sign), "0")

    def _sign(self, *, negative: bool) -> str:
        if negative:
            return "-"
        return "+" if "+" in self.flags else " " if " " in self.flags else ""

    def _string(self, value: Any) -> str:
        written = str(value)
        if self.precision is not None and self.verb not in {"x", "X"}:
            written = written[: self.precision]
        if self.verb == "q":
            if (
                "#" in self.flags
                and "`" not in written
                and all(char.isprintable() or char == "\t" for char in written)
            ):
                return self._pad(f"`{written}`")
            written = quote(written)
        elif self.verb in "xX":
            data = written.encode()[: self.precision]
            written = data.hex(" ") if " " in self.flags else data.hex()
            if "#" in self.flags:
                written = " ".join(f"0x{one}" for one in written.split())
            written = written.upper() if self.verb == "X" else written
        return self._pad(written, zero="0" in self.flags)

    def _integer(self, value: int) -> str:
        verb = self.verb
        if verb == "c":
            return self._pad(_char(value))
        if verb == "q":
            char = _char(value)
            return self._pad(f"'{_escaped(char, chr(39))}'")
        if verb == "U":
            return self._pad(f"U+{value:04X}" + (f" '{_char(value)}'" if "#" in self.flags else ""))
        digits = format(abs(value), {"b": "b", "o": "o", "x": "x", "X": "X"}.get(verb, "d"))
        if self.precision is not None:
            digits = "" if self.precision == 0 and value == 0 else digits.rjust(self.precision, "0")
        sign = self._sign(negative=value < 0)
        zero = "0" in self.flags and "-" not in self.flags and self.precision is None
        if zero and self.width is not None:
            digits = digits.rjust(self.width - len(sign), "0")
        if "#" in self.flags:
            prefix = {"b": "0b", "o": "" if digits.startswith("0") else "0", "x": "0x", "X": "0X"}.get(
                verb, ""
            )
            digits = prefix + digits
        return self._pad(sign + digits)

    def _float(self, value: float) -> str:
        verb = "g" if self.verb == "v" else self.verb
        if not math.isfinite(value):
            written = text(value)
            if written == "+Inf" and "+" not in self.flags:
                written = " Inf" if " " in self.flags else "+Inf"
            return self._pad(written)
        precision = self.precision
        if verb in "gG" and precision is None:
            written = text(abs(value))  # exponents from 21 digits
        else:
            written = format(abs(value), f".{6 if precision is None else precision}{verb.lower()}")
        written = written.upper() if verb in "EG" else written
        sign, _, _ = decimal_digits(value)
        return self._pad(self._sign(negative=bool(sign)) + written, zero="0" in self.flags)


def _char(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
