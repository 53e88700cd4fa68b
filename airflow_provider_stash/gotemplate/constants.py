"""Go's constants as they are written in a template: numbers, characters and strings."""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.?))", re.DOTALL
)
_INTEGER = re.compile(r"[+-]?(0[xX]_?[0-9A-Fa-f]|0[oO]_?[0-7]|0[bB]_?[01]|[0-9])[0-9A-Fa-f_]*")
_FLOAT = re.compile(r"[+-]?(?:[0-9_]+(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9A-Fa-f_]*\.?[0-9A-Fa-f_]*[pP][+-]?[0-9]+")
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


def unquote(literal: str) -> str:
    """
    Read a string in double or back quotes.

    :raises ValueError: it holds what is no escape of Go.
    """
    if literal[0] == "`":
        return literal[1:-1].replace("\r", "")
    return _unescape(literal[1:-1], quote='"')


def _unescape(text: str, *, quote: str) -> str:
    # Escapes of bytes may make up one character of UTF-8.
    parts: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        parts.append(text[end : found.start()].encode())
        end = found.end()
        byte, short, long, octal, simple = found.groups()
        if byte or octal:
            value = int(byte, 16) if byte else int(octal, 8)
            if value > 0xFF:
                raise ValueError(f"\\{octal} is no byte")
            parts.append(bytes([value]))
        elif short or long:
            code = int(short or long, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise ValueError(f"\\{found.group()[1:]} is no character")
            parts.append(chr(code).encode())
        elif simple in _SIMPLE and simple not in {"'", '"'} - {quote}:
            parts.append(_SIMPLE[simple].encode())
        else:
            raise ValueError(f"\\{simple} is no escape of Go")
    parts.append(text[end:].encode())
    return b"".join(parts).decode(errors="replace")


def number(literal: str) -> int | float:
    """
    Read a number, or a character in single quotes, whose value is its code point.

    :raises ValueError: it is none, or is complex.
    """
    if literal[0] == "'":
        char = _unescape(literal[1:-1], quote="'")
        if len(char) != 1:
            raise ValueError(f"{literal} is not one character")
        return ord(char)
    if literal.endswith("i") and "x" not in literal.lower():
        raise ValueError(f"{literal}: complex numbers are beyond the templates that are supported here")
    whole = _integer(literal)
    found = _float(literal) if whole is None else whole
    if found is None:
        raise ValueError(f"{literal} is no number")
    return found


def _integer(literal: str) -> int | None:
    if not _INTEGER.fullmatch(literal):
        return None
    digits = literal.lstrip("+-")
    # A leading 0 alone means octal in Go; Python wants 0o.
    if re.fullmatch(r"0_?[0-7_]+", digits):
        digits = "0o" + digits[1:]
    try:
        value = int(digits, 0)
    except ValueError:
        return None
    value = -value if literal[0] == "-" else value
    if not _LOWEST <= value <= _HIGHEST:
        raise ValueError(f"{literal} does not fit into 64 bits")
    return value


def _float(literal: str) -> float | None:
    if _HEX_FLOAT.fullmatch(literal):
        return float.fromhex(literal.replace("_", ""))
    if not _FLOAT.fullmatch(literal) or not set(literal) & set(".eE"):
        return None
    try:
        value = float(literal)
    except ValueError:
        return None
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{literal} does not fit into 64 bits")
    return value
