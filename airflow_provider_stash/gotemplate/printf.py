"""Go's fmt.Sprintf, for the values that templates know."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_stash.gotemplate.values import CallError, Struct, StructError, text, type_name

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
            return (min(int(written[:9]), _WIDEST) if written else None), ""
        number = arguments[taken] if taken < len(arguments) else None
        taken += 1
        least = -_WIDEST if name == "width" else 0
        if isinstance(number, int) and not isinstance(number, bool) and least <= number <= _WIDEST:
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
        if verb == "[":
            raise CallError(
                "arguments by their numbers, %[1]s, are beyond the templates that are supported here."
            )
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


def quote(value: str, *, ascii_only: bool = False) -> str:
    """Quote a string as Go's ``%q`` does, or ``%+q``."""
    return '"' + "".join(_escaped(char, '"', ascii_only=ascii_only) for char in value) + '"'


def _escaped(char: str, mark: str, *, ascii_only: bool = False) -> str:
    if char == mark:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and (char.isascii() or not ascii_only):
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _typed(value: Any) -> str:
    if isinstance(value, Struct):
        raise StructError("a struct is left over, of which Go would print the type: give it a verb.")
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
        """
        Print one value.

        :raises CallError: it is a verb that prints in Go's own syntax, or a float in hexadecimal.
        """
        if self.verb == "v":
            if "#" in self.flags:
                raise CallError("%#v is beyond the templates that are supported here.")
            # In Go, too, the plus of %+v is another flag than that of %+d.
            flags = self.flags - {"+"} | {"names"} if "+" in self.flags else self.flags
            return replace(self, flags=flags)._print(value)
        if self.verb == "T":
            if value is None:
                return self._pad("<nil>")
            if isinstance(value, Struct):
                raise StructError("%T of a struct is beyond the templates that are supported here.")
            return replace(self, verb="s")._print(type_name(value))
        return self._print(value)

    def _print(self, value: Any) -> str:
        if value is None:
            return self._pad("<nil>") if self.verb == "v" else f"%!{self.verb}(<nil>)"
        if isinstance(value, list):
            return f"[{' '.join(self._print(one) for one in value)}]"
        if isinstance(value, dict):
            inner = " ".join(f"{self._print(key)}:{self._print(value[key])}" for key in sorted(value))
            return f"map[{inner}]"
        if isinstance(value, Struct):
            if self.verb in {"p", "w"}:  # Go tells the type in its complaint
                raise StructError(
                    f"%{self.verb} of a struct is beyond the templates that are supported here."
                )
            return value.printed(self._print, names="names" in self.flags)
        formatter = self._formatter(value)
        if formatter is None:
            return f"%!{self.verb}({type_name(value)}={replace(self, verb='v')._print(value)})"
        return formatter(value)

    def _formatter(self, value: Any) -> Callable[[Any], str] | None:
        verb = self.verb
        if isinstance(value, bool):
            return self._bool if verb in "tv" else None
        if isinstance(value, int):
            return self._integer if verb in "vdboxXcqU" else None
        if isinstance(value, float):
            if verb in "bxX":
                raise CallError(f"%{verb} of a float64 is beyond the templates that are supported here.")
            return self._float if verb in "veEfFgG" else None
        return self._string if verb in "vsqxX" else None

    def _bool(self, value: Any) -> str:
        return self._pad(text(value), zero="0" in self.flags)

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
                return self._pad(f"`{written}`", zero="0" in self.flags)
            written = quote(written, ascii_only="+" in self.flags)
        elif self.verb in "xX":
            data = written.encode()[: self.precision]
            written = data.hex(" ") if " " in self.flags else data.hex()
            if "#" in self.flags:
                written = " ".join(f"0x{one}" for one in written.split())
            written = written.upper() if self.verb == "X" else written
        return self._pad(written, zero="0" in self.flags)

    def _integer(self, value: int) -> str:
        verb, zero = self.verb, "0" in self.flags
        if verb == "c":
            return self._pad(_char(value), zero=zero)
        if verb == "q":
            return self._pad("'" + _escaped(_char(value), "'", ascii_only="+" in self.flags) + "'", zero=zero)
        if verb == "U":
            number = value % (1 << 64)
            written = f"U+{number:0{max(4, self.precision or 0)}X}"
            shown = "#" in self.flags and value >= 0 and _char(value).isprintable()
            return self._pad(f"{written} '{_char(value)}'" if shown else written)
        if self.precision == 0 and value == 0:
            return self._pad("")
        digits = format(abs(value), verb if verb in "boxX" else "d").rjust(self.precision or 0, "0")
        sign = self._sign(negative=value < 0)
        if zero and "-" not in self.flags and self.precision is None and self.width is not None:
            digits = digits.rjust(self.width - len(sign), "0")
        if "#" in self.flags and verb in "boxX":
            octal = "" if digits.startswith("0") else "0"
            digits = {"b": "0b", "o": octal, "x": "0x", "X": "0X"}[verb] + digits
        return self._pad(sign + digits)

    def _float(self, value: float) -> str:
        verb = "g" if self.verb == "v" else self.verb
        if not math.isfinite(value):
            return self._pad(text(value))
        precision = self.precision
        if verb in "gG" and precision is None and "#" not in self.flags:
            written = text(abs(value))
        else:
            alternate = "#" if "#" in self.flags else ""
            written = format(abs(value), f"{alternate}.{6 if precision is None else precision}{verb.lower()}")
        written = written.upper() if verb in "EG" else written
        sign = "-" if math.copysign(1.0, value) < 0 else ""
        return self._pad(self._sign(negative=bool(sign)) + written, zero="0" in self.flags)


def _char(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
