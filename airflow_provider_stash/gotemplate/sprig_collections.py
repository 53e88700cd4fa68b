"""sprig's functions of lists and dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_stash.gotemplate.sprig_values import as_int
from airflow_provider_stash.gotemplate.values import CallError, text, truth, type_name, unfit


def list_(*values: Any) -> list[Any]:
    """Make a list."""
    return list(values)


def _elements(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise unfit(value, f"{type_name(value)} is no list.")
    return value


def first(value: Any) -> Any:
    """Give the first element."""
    return _elements(value)[0] if _elements(value) else None


def last(value: Any) -> Any:
    """Give the last element."""
    return _elements(value)[-1] if _elements(value) else None


def rest(value: Any) -> list[Any]:
    """Give all but the first."""
    return _elements(value)[1:]


def initial(value: Any) -> list[Any]:
    """Give all but the last."""
    return _elements(value)[:-1]


def append(value: Any, element: Any) -> list[Any]:
    """Give the list with an element behind."""
    return [*_elements(value), element]


def prepend(value: Any, element: Any) -> list[Any]:
    """Give the list with an element before."""
    return [element, *_elements(value)]


def concat(*values: Any) -> list[Any]:
    """Join lists."""
    return [element for value in values for element in _elements(value)]


def reverse(value: Any) -> list[Any]:
    """Give the elements from the last to the first."""
    return _elements(value)[::-1]


def compact(value: Any) -> list[Any]:
    """Give the elements that are not empty."""
    return [element for element in _elements(value) if truth(element)]


def _among(element: Any, elements: list[Any]) -> bool:
    return any(type(one) is type(element) and one == element for one in elements)


def uniq(value: Any) -> list[Any]:
    """Give each element once."""
    found: list[Any] = []
    for element in _elements(value):
        if not _among(element, found):
            found.append(element)
    return found


def without(value: Any, *elements: Any) -> list[Any]:
    """Give the list without some elements."""
    return [one for one in _elements(value) if not _among(one, list(elements))]


def has(element: Any, value: Any) -> bool:
    """Tell whether an element is in the list."""
    return value is not None and _among(element, _elements(value))


def slice_(value: Any, *bounds: Any) -> Any:
    """Give a part of a list."""
    elements = _elements(value)
    if not elements:
        return None
    begin = as_int(bounds[0]) if bounds else 0
    end = as_int(bounds[1]) if len(bounds) > 1 else len(elements)
    if not 0 <= begin <= end <= len(elements):
        raise CallError(f"{begin} to {end} is out of range.")
    return elements[begin:end]


def dict_(*values: Any) -> dict[str, Any]:
    """Make a dict of keys and values by turns; a last key without a value gets an empty string."""
    padded = [*values, ""] if len(values) % 2 else list(values)
    return {text(key): value for key, value in zip(padded[::2], padded[1::2], strict=True)}


def get(value: dict[str, Any], key: str) -> Any:
    """Give a key's value, or an empty string."""
    return value.get(key, "")


def set_(value: dict[str, Any], key: str, element: Any) -> dict[str, Any]:
    """Set a key's value, and give the dict."""
    value[key] = element
    return value


def unset(value: dict[str, Any], key: str) -> dict[str, Any]:
    """Remove a key, and give the dict."""
    value.pop(key, None)
    return value


def has_key(value: dict[str, Any], key: str) -> bool:
    """Tell whether the key is there."""
    return key in value


def pluck(key: str, *dicts: dict[str, Any]) -> list[Any]:
    """Give the key's value of each dict that has it."""
    return [one[key] for one in dicts if key in one]


def keys(*dicts: dict[str, Any]) -> list[Any]:
    """Give the keys."""
    return [key for one in dicts for key in one]


def values(value: dict[str, Any]) -> list[Any]:
    """Give the values."""
    return list(value.values())


def pick(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """Give the dict with these keys alone."""
    return {name: value[name] for name in names if name in value}


def omit(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """Give the dict without these keys."""
    return {name: one for name, one in value.items() if name not in names}


COLLECTIONS: dict[str, Callable[..., Any]] = {
    "append": append,
    "compact": compact,
    "concat": concat,
    "dict": dict_,
    "first": first,
    "get": get,
    "has": has,
    "hasKey": has_key,
    "initial": initial,
    "keys": keys,
    "last": last,
    "list": list_,
    "omit": omit,
    "pick": pick,
    "pluck": pluck,
    "prepend": prepend,
    "push": append,
    "rest": rest,
    "reverse": reverse,
    "set": set_,
    "slice": slice_,
    "tuple": list_,
    "uniq": uniq,
    "unset": unset,
    "values": values,
    "without": without,
}
