"""ResourceQuotas: what the API server refuses to create as it would be too much for its namespace."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.kubesim.objects import PODS, ApiError, Object, Resource, dig
from tests.kubesim.quantities import quantity, written

Usage = dict[str, float]

_COMPUTE = [
    f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage")
]


def check(
    quotas: Sequence[Object], resource: Resource, thing: Object, others: Callable[[], Sequence[Object]]
) -> None:
    """
    Refuse what is too much.

    :param quotas: those of the object's namespace.
    :param others: gives the objects of its kind that are there.
    :raises ApiError: 403, in the words of a cluster.
    """
    for quota in quotas:
        hard = {name: quantity(value) for name, value in dig(quota, "spec.hard", {}).items()}
        asked = {name: value for name, value in _usage(resource, thing).items() if name in hard}
        if resource is PODS and (missing := _unsaid(thing, hard)):
            _refuse(resource, thing, f"failed quota: {quota['metadata']['name']}: must specify {missing}")
        used = dict.fromkeys(asked, 0.0)
        for other in others():
            for name, value in _usage(resource, other).items():
                if name in used:
                    used[name] += value
        over = [name for name in sorted(asked) if used[name] + asked[name] > hard[name]]
        if over:
            requested, in_use, limited = (
                ",".join(f"{name}={written(name, values[name])}" for name in over)
                for values in (asked, used, hard)
            )
            _refuse(
                resource,
                thing,
                f"exceeded quota: {quota['metadata']['name']}, requested: {requested}, used: {in_use}, "
                f"limited: {limited}",
            )


def _refuse(resource: Resource, thing: Object, why: str) -> None:
    name = thing["metadata"]["name"]
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    raise ApiError(403, "Forbidden", message, name=name, kind=resource.plural)


def _usage(resource: Resource, thing: Object) -> Usage:
    found = {f"count/{resource.qualified}": 1.0}
    if resource is PODS:
        if dig(thing, "status.phase") in {"Succeeded", "Failed"}:
            return found
        spec = thing["spec"]
        found["pods"] = 1.0
        for name in _COMPUTE:
            together = sum(_of_container(one, name) or 0.0 for one in spec["containers"])
            alone = [_of_container(one, name) or 0.0 for one in spec.get("initContainers") or []]
            found[name] = max([together, *alone])
        found |= {short: found[f"requests.{short}"] for short in ("cpu", "memory", "ephemeral-storage")}
    return found


def _unsaid(pod: Object, hard: Usage) -> str:
    """Name what containers must say, as a quota limits it, and don't."""
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    found = []
    for name in sorted(hard):
        full = name if "." in name else f"requests.{name}"
        silent = [one["name"] for one in containers if _of_container(one, full) is None]
        if full in _COMPUTE and silent:
            found.append(f"{name} for: {','.join(silent)}")
    return "; ".join(found)


def _of_container(container: Object, name: str) -> float | None:
    kind, _, resource = name.partition(".")
    limits = dig(container, "resources.limits", {})
    given = dig(container, f"resources.{kind}", {})
    text = given.get(resource, limits.get(resource))  # a limit is a request, too, where none is said
    return None if text is None else quantity(text)
