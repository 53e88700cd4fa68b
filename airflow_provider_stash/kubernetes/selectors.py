"""Label selectors as objects of the API hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """
    Tell whether a LabelSelector selects what has these labels; an empty one selects everything, None nothing.

    :param selector: ``matchLabels`` and ``matchExpressions``, each may be absent.
    """
    if selector is None:
        return False
    return (selector.get("matchLabels") or {}).items() <= labels.items() and all(
        _holds(one, labels) for one in selector.get("matchExpressions") or ()
    )


def _holds(wanted: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator, values = wanted["key"], wanted["operator"], wanted.get("values") or ()
    holds = key in labels if operator in {"Exists", "DoesNotExist"} else labels.get(key) in values
    return holds is (operator in {"Exists", "In"})
