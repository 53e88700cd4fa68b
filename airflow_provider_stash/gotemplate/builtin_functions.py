"""The functions of Go's text/template; ``and`` and ``or`` are evaluated by the template, ``slice`` is sprig's."""

from __future__ import annotations

import html as html_module
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote_plus

from airflow_provider_stash.gotemplate.printf import sprintf
from airflow_provider_stash.gotemplate.values import CallError, Struct, text, truth, type_name, unfit


def _kind(value: Any) -> str:
    if isinstance(value, (list, dict, Struct)):
        raise unfit(value, f"{type_name(value)} can't be compared.")
    return type_name(value)


def eq(first: Any, *others: Any) -> bool:
    """Tell whether the first is equal to any of the others."""
    if not others:
        raise CallError("missing argument for comparison: give at least 2.")
    return any(_equal(first, other) for other in others)


def _equal(first: Any, other: Any) -> bool:
    if first is None or other is None:
        return first is other
    kinds = _kind(first), _kind(other)
    if kinds[0] != kinds[1]:
        raise CallError(f"{kinds[0]} can't be compared with {kinds[1]}.")
    return bool(first == other)


def ne(first: Any, other: Any) -> bool:
    """Tell whether two values differ."""
    return not _equal(first, other)


def _ordered(first: Any, other: Any) -> None:
    kinds = _kind(first), _kind(other)
    if {"bool", "<nil>"} & set(kinds):
        raise CallError(f"{kinds[0]} and {kinds[1]} have no order.")
    if kinds[0] != kinds[1]:
        raise CallError(f"{kinds[0]} can't be compared with {kinds[1]}.")


def lt(first: Any, other: Any) -> bool:
    """Tell whether the first is less."""
    _ordered(first, other)
    return bool(first < other)


def le(first: Any, other: Any) -> bool:
    """Tell whether the first is less or equal."""
    _ordered(first, other)
    return bool(first <= other)


def gt(first: Any, other: Any) -> bool:
    """Tell whether the first is greater."""
    return not le(first, other)


def ge(first: Any, other: Any) -> bool:
    """Tell whether the first is greater or equal."""
    return not lt(first, other)


def not_(value: Any) -> bool:
    """Tell whether a value is empty."""
    return not truth(value)


def len_(value: Any) -> int:
    """Count elements, or the bytes of a string."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, dict)):
        return len(value)
    raise unfit(value, f"{type_name(value)} has no length.")


def index(value: Any, *keys: Any) -> Any:
    """Give the element at an index or key, and of that the next."""
    for key in keys:
        value = _element(value, key)
    return value


def _element(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise CallError(f"a map's key must be a string, not {type_name(key)}.")
        return value.get(key)
    if isinstance(value, str):
        value = list(value.encode())
    if not isinstance(value, list):
        raise unfit(value, f"{type_name(value)} has no elements.")
    if not isinstance(key, int) or isinstance(key, bool):
        raise CallError(f"an index must be a number, not {type_name(key)}.")
    if not 0 <= key < len(value):
        raise CallError(f"index {key} is out of range.")
    return value[key]


def print_(*values: Any) -> str:
    """Print values, with a space between two that are no strings."""
    written: list[str] = []
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            written.append(" ")
        written.append(text(value))
    return "".join(written)


def println(*values: Any) -> str:
    """Print values with spaces between and a new line behind."""
    return " ".join(text(value) for value in values) + "\n"


def _printed(values: Sequence[Any]) -> str:
    return print_(*("<no value>" if value is None else value for value in values))


def html(*values: Any) -> str:
    """Escape for HTML."""
    escaped = html_module.escape(_printed(values))
    return escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;").replace("\0", "\ufffd")


def urlquery(*values: Any) -> str:
    """Escape for a URL's query."""
    return quote_plus(_printed(values))


def _by_template(*values: Any) -> Any:
    raise AssertionError("evaluated by the template")


BUILTINS: dict[str, Callable[..., Any]] = {
    "and": _by_template,
    "or": _by_template,
    "not": not_,
    "eq": eq,
    "ne": ne,
    "lt": lt,
    "le": le,
    "gt": gt,
    "ge": ge,
    "len": len_,
    "index": index,
    "print": print_,
    "printf": sprintf,
    "println": println,
    "html": html,
    "urlquery": urlquery,
}
