"""sprig's functions of strings."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from airflow_provider_stash.gotemplate.printf import quote as quoted
from airflow_provider_stash.gotemplate.values import CallError, text

_LONGEST = 1 << 20


def title(value: str) -> str:
    """Begin each word with a capital letter."""
    written, inside = [], False
    for char in value:
        written.append(char if inside else _title_char(char))
        inside = char.isalnum() or char == "_"
    return "".join(written)


def _title_char(char: str) -> str:
    upper = char.title()
    return upper if len(upper) == 1 else char


def untitle(value: str) -> str:
    """Begin each word with a small letter."""
    written, begins = [], True
    for char in value:
        written.append(char.lower() if begins and len(char.lower()) == 1 else char)
        begins = char.isspace()
    return "".join(written)


def repeat(count: int, value: str) -> str:
    """Repeat a string."""
    if count < 0 or count * len(value) > _LONGEST:
        raise CallError(f"{count} times is out of range.")
    return value * count


def substr(start: int, end: int, value: str) -> str:
    """Give a part of a string by its bytes."""
    data = value.encode()
    if start < 0:
        if not 0 <= end <= len(data):
            raise CallError(f"{end} is out of range.")
        return data[:end].decode(errors="replace")
    stop = len(data) if end < 0 or end > len(data) else end
    if start > stop:
        raise CallError(f"{start} is out of range.")
    return data[start:stop].decode(errors="replace")


def trunc(count: int, value: str) -> str:
    """Give the first bytes, or with a negative number the last ones."""
    data = value.encode()
    if count >= 0:
        return data[:count].decode(errors="replace")
    return (data[count:] if len(data) + count > 0 else data).decode(errors="replace")


def trim(value: str) -> str:
    """Remove white space from both ends."""
    return value.strip()


def trim_prefix(prefix: str, value: str) -> str:
    """Remove a beginning."""
    return value.removeprefix(prefix)


def trim_suffix(suffix: str, value: str) -> str:
    """Remove an end."""
    return value.removesuffix(suffix)


def nospace(value: str) -> str:
    """Remove all white space."""
    return "".join(value.split())


def upper(value: str) -> str:
    """Make all letters large."""
    return value.upper()


def lower(value: str) -> str:
    """Make all letters small."""
    return value.lower()


def contains(part: str, value: str) -> bool:
    """Tell whether a string contains another."""
    return part in value


def has_prefix(prefix: str, value: str) -> bool:
    """Tell whether a string begins with another."""
    return value.startswith(prefix)


def has_suffix(suffix: str, value: str) -> bool:
    """Tell whether a string ends with another."""
    return value.endswith(suffix)


def to_string(value: Any) -> str:
    """Print a value."""
    return text(value)


def b64enc(value: str) -> str:
    """Encode as base64."""
    return base64.b64encode(value.encode()).decode()


def sha256sum(value: str) -> str:
    """Give the SHA-256 in hexadecimal."""
    return hashlib.sha256(value.encode()).hexdigest()


def trim_all(cutset: str, value: str) -> str:
    """Remove characters from both ends."""
    return value.strip(cutset) if cutset else value


def abbrev(width: int, value: str) -> str:
    """Shorten a string with dots."""
    data = value.encode()
    if width < 4 or len(data) <= width:
        return value
    return data[: width - 3].decode(errors="replace") + "..."


def quote(*values: Any) -> str:
    """Put values in double quotes, with Go's escapes."""
    return " ".join(quoted(text(value)) for value in values if value is not None)


def squote(*values: Any) -> str:
    """Put values in single quotes."""
    return " ".join(f"'{text(value)}'" for value in values if value is not None)


def cat(*values: Any) -> str:
    """Join values with spaces."""
    return " ".join(text(value) for value in values if value is not None)


def indent(spaces: int, value: str) -> str:
    """Indent every line."""
    pad = repeat(spaces, " ")
    return pad + value.replace("\n", "\n" + pad)


def nindent(spaces: int, value: str) -> str:
    """Indent every line, behind a new line."""
    return "\n" + indent(spaces, value)


def replace(old: str, new: str, value: str) -> str:
    """Replace every occurrence."""
    return value.replace(old, new)


def plural(one: str, many: str, count: int) -> str:
    """Choose a word by a number."""
    return one if count == 1 else many


def strings(value: Any) -> list[str]:
    """Make strings of a list's elements, or of one value."""
    if isinstance(value, list):
        return [text(one) for one in value if one is not None]
    return [] if value is None else [text(value)]


def split_list(separator: str, value: str) -> list[str]:
    """Split a string into a list."""
    return _split(separator, value, -1)


def split(separator: str, value: str) -> dict[str, str]:
    """Split a string into a map of ``_0``, ``_1``, ..."""
    return {f"_{at}": part for at, part in enumerate(_split(separator, value, -1))}


def splitn(separator: str, count: int, value: str) -> dict[str, str]:
    """Split a string into a map of at most so many parts."""
    return {f"_{at}": part for at, part in enumerate(_split(separator, value, count))}


def _split(separator: str, value: str, count: int) -> list[str]:
    if count == 0:
        return []
    if separator:
        return value.split(separator, count - 1 if count > 0 else -1)
    chars = list(value)
    return [*chars[: count - 1], "".join(chars[count - 1 :])] if 0 < count < len(chars) else chars


def join(separator: str, value: Any) -> str:
    """Join a list's elements."""
    return separator.join(strings(value))


def sort_alpha(value: Any) -> list[str]:
    """Sort strings."""
    return sorted(strings(value), key=str.encode) if isinstance(value, list) else [text(value)]


def b64dec(value: str) -> str:
    """Decode base64."""
    try:
        data = base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except ValueError as error:
        raise CallError("it is no base64.") from error
    return data.decode(errors="replace")


STRINGS: dict[str, Callable[..., Any]] = {
    "abbrev": abbrev,
    "b64dec": b64dec,
    "b64enc": b64enc,
    "cat": cat,
    "contains": contains,
    "hasPrefix": has_prefix,
    "hasSuffix": has_suffix,
    "indent": indent,
    "join": join,
    "lower": lower,
    "nindent": nindent,
    "nospace": nospace,
    "plural": plural,
    "quote": quote,
    "repeat": repeat,
    "replace": replace,
    "sha256sum": sha256sum,
    "sortAlpha": sort_alpha,
    "split": split,
    "splitList": split_list,
    "splitn": splitn,
    "squote": squote,
    "substr": substr,
    "title": title,
    "toString": to_string,
    "toStrings": strings,
    "trim": trim,
    "trimAll": trim_all,
    "trimPrefix": trim_prefix,
    "trimSuffix": trim_suffix,
    "trimall": trim_all,
    "trunc": trunc,
    "untitle": untitle,
    "upper": upper,
}
