"""The kinds of PATCH: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from tests.kubesim.objects import ApiError, Object

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "conditions": "type",
    "ownerReferences": "uid",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
}
"""How a strategic merge finds an item of a list; lists not named here are replaced."""


def apply_patch(current: Object, body: Any, content_type: str) -> Object:
    """
    Give the object as a PATCH makes it.

    :raises ApiError: 415 for a kind that is not known, 422 for an operation that fails.
    """
    if content_type == "application/json-patch+json":
        return _json_patch(current, body)
    if content_type in {"application/merge-patch+json", "application/apply-patch+yaml"}:
        return dict(merge(current, body))
    if content_type == "application/strategic-merge-patch+json":
        return dict(merge(current, body, strategic=True))
    raise ApiError(
        415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {content_type}"
    )


def merge(old: Any, new: Any, *, strategic: bool = False) -> Any:
    """Merge two values: None removes a name, a list replaces, unless its items are merged strategically."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    merged = dict(old)
    for name, value in new.items():
        if value is None:
            merged.pop(name, None)
        elif (
            strategic
            and isinstance(value, list)
            and name in _MERGE_KEYS
            and isinstance(merged.get(name), list)
        ):
            merged[name] = _merge_list(merged[name], value, _MERGE_KEYS[name])
        else:
            merged[name] = merge(
                merged.get(name, {} if isinstance(value, dict) else None), value, strategic=strategic
            )
    return merged


def _merge_list(old: list[Object], new: list[Object], key: str) -> list[Object]:
    merged = list(old)
    for item in new:
        if item.get("$patch") == "delete":
            merged = [one for one in merged if one.get(key) != item.get(key)]
            continue
        place = next((at for at, one in enumerate(merged) if one.get(key) == item.get(key)), None)
        if place is None:
            merged.append(item)
        else:
            merged[place] = merge(merged[place], item, strategic=True)
    return merged


def _json_patch(current: Object, operations: list[Object]) -> Object:
    patched = copy.deepcopy(current)
    for operation in operations:
        *path, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        try:
            target: Any = patched
            for part in path:
                target = target[int(part)] if isinstance(target, list) else target[part]
            _operate(target, last, operation)
        except (KeyError, IndexError, ValueError) as error:
            message = f"the server rejected our request due to an error in our request: {operation}"
            raise ApiError(422, "Invalid", message) from error
    return patched


def _operate(target: Any, last: str, operation: Object) -> None:
    kind = operation["op"]
    if isinstance(target, list) and kind == "add":
        target.insert(len(target) if last == "-" else int(last), operation["value"])
        return
    at: Any = int(last) if isinstance(target, list) else last
    if kind == "remove":
        del target[at]
    elif kind == "test":
        if target[at] != operation["value"]:
            raise KeyError(last)
    elif kind == "replace":
        target[at]  # it must be there
        target[at] = operation["value"]
    elif kind == "add":
        target[at] = operation["value"]
    else:
        raise ValueError(kind)
