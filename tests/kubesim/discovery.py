"""What the API tells of itself: versions, kinds, and as much of OpenAPI as kubectl asks for."""

from __future__ import annotations

from tests.kubesim.objects import RESOURCES, Object

_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_OPENAPI = ["openapi", "v3"]


def discovery(parts: list[str]) -> Object | None:
    """
    Answer a question of what there is; None: it is no such question.

    :param parts: of the path.
    """
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"]}
    if parts == ["apis"]:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()}
    if parts == _OPENAPI:
        places = {_place(one.api_version) for one in RESOURCES.values()}
        return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}"} for place in places}}
    if parts[:2] == _OPENAPI:
        return _openapi("/".join(parts[2:]))
    served = {_place(one.api_version): one.api_version for one in RESOURCES.values()}
    version = served.get("/".join(parts))
    return None if version is None else _resources(version)


def _place(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def _groups() -> list[Object]:
    versions: dict[str, dict[str, None]] = {}
    for one in RESOURCES.values():
        if one.group:
            versions.setdefault(one.group, {})[one.version] = None
    groups = []
    for group, names in versions.items():
        listed = [{"groupVersion": f"{group}/{name}", "version": name} for name in names]
        groups.append({"name": group, "versions": listed, "preferredVersion": listed[0]})
    return groups


def _resources(api_version: str) -> Object:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": [
            {
                "name": one.plural,
                "singularName": one.kind.lower(),
                "kind": one.kind,
                "namespaced": one.namespaced,
                "verbs": _VERBS,
            }
            for one in RESOURCES.values()
            if one.api_version == api_version
        ],
    }


def _openapi(place: str) -> Object:
    """Tell that fields are checked here, so that kubectl does not check them: it would need all schemas."""
    checks = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    paths: Object = {}
    for one in RESOURCES.values():
        if _place(one.api_version) == place:
            where = "namespaces/{namespace}/" if one.namespaced else ""
            kind = {"group": one.group, "version": one.version, "kind": one.kind}
            patch = {"parameters": [checks], "x-kubernetes-group-version-kind": kind, "responses": {}}
            paths[f"/{place}/{where}{one.plural}/{{name}}"] = {"patch": patch}
    return {"openapi": "3.0.0", "info": {"title": "kubesim", "version": "1"}, "paths": paths}
