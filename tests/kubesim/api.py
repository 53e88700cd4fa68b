"""The HTTP API: paths to objects, and the verbs on them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.kubesim import protobuf
from tests.kubesim.access import Access, User
from tests.kubesim.discovery import discovery
from tests.kubesim.kubelet import Kubelet
from tests.kubesim.objects import (
    PODS,
    RESOURCES,
    SERVICE_ACCOUNTS,
    ApiError,
    Object,
    Resource,
    dig,
    now,
    timestamp,
)
from tests.kubesim.patches import apply_patch
from tests.kubesim.selectors import fields_match, labels_match
from tests.kubesim.store import Store
from tests.kubesim.streams import serve_exec, serve_log, serve_watch

_TRUE = {"true", "True", "1"}
_VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.0-kubesim", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}  # fmt: skip
_NOWHERE = "the server could not find the requested resource"


@dataclass(frozen=True)
class Target:
    """What a path means."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str | None


class Api:
    """Answers requests."""

    def __init__(self, store: Store, access: Access, kubelet: Kubelet) -> None:
        self._store, self._access, self._kubelet = store, access, kubelet

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        try:
            return await self._route(request)
        except ApiError as error:
            return web.json_response(error.status, status=error.code)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        user = self._access.user(request.headers.get("Authorization", ""))
        parts = request.path.strip("/").split("/")
        if parts[0] in {"version", "readyz", "livez", "healthz"}:
            return web.json_response(_VERSION)
        if (found := discovery(parts)) is not None:
            return web.json_response(found)
        if parts[:2] == ["apis", "authorization.k8s.io"] and parts[-1] == "selfsubjectaccessreviews":
            return web.json_response(self._review(user, await request.json()), status=201)
        target = _target(parts)
        self._authorize(request, user, target)
        if target.subresource == "log":
            return await serve_log(request, self._kubelet, self._pod(target))
        if target.subresource == "exec":
            return await serve_exec(request, self._kubelet, self._pod(target))
        if request.method == "GET":
            return await self._read(request, target)
        body = await _body(request)
        if request.method == "POST":
            return self._create(request, target, body)
        if request.method == "DELETE":
            return self._delete(request, target, body or {})
        if request.method in {"PUT", "PATCH"} and target.name:
            return self._change(request, target, body)
        raise ApiError(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
        )

    # --- access -----------------------------------------------------------------------------------

    def _authorize(self, request: web.Request, user: User, target: Target) -> None:
        verbs = {"POST": ["create"], "PUT": ["update"], "PATCH": ["patch"], "DELETE": ["delete"]}.get(
            request.method, ["get"]
        )
        if target.subresource == "exec":
            verbs = ["get", "create"] if request.method == "GET" else ["create"]
        elif request.method == "GET" and not target.name:
            verbs = ["watch" if request.query.get("watch") in _TRUE else "list"]
        elif request.method == "DELETE" and not target.name:
            verbs = ["deletecollection"]
        name = target.name
        if name is None and request.method == "GET" and (selector := request.query.get("fieldSelector")):
            # A list of one object by name is checked against that name, as in a cluster.
            name = selector.removeprefix("metadata.name=") if selector.startswith("metadata.name=") else None
        for verb in verbs:
            self._access.require(
                user, verb, target.resource, target.subresource, namespace=target.namespace, name=name
            )

    def _review(self, user: User, review: Object) -> Object:
        asked = dig(review, "spec.resourceAttributes", {})
        path = asked.get("resource", "")
        if asked.get("subresource"):
            path += f"/{asked['subresource']}"
        allowed = self._access.allows(
            user, asked.get("verb", ""), asked.get("group") or "", path,
            namespace=asked.get("namespace"), name=asked.get("name") or None,
        )  # fmt: skip
        return {**review, "status": {"allowed": allowed}}

    # --- verbs ------------------------------------------------------------------------------------

    def _pod(self, target: Target) -> Object:
        return self._store.get(PODS, target.namespace, target.name or "")

    async def _read(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        if target.name:
            found = self._store.get(target.resource, target.namespace, target.name)
            return web.json_response(_scale(found) if target.subresource == "scale" else found)

        def fits(thing: Object) -> bool:
            metadata = thing["metadata"]
            return (
                target.namespace in {None, metadata.get("namespace")}
                and labels_match(query.get("labelSelector"), metadata.get("labels") or {})
                and fields_match(query.get("fieldSelector"), thing)
            )

        if query.get("watch") in _TRUE:
            return await serve_watch(request, self._store, target.resource, fits)
        items = [thing for thing in self._store.all(target.resource, target.namespace) if fits(thing)]
        metadata: Object = {"resourceVersion": str(self._store.version)}
        limit, begin = int(query.get("limit") or 0), int(query.get("continue") or 0)
        if limit and len(items) > begin + limit:
            metadata |= {"continue": str(begin + limit), "remainingItemCount": len(items) - begin - limit}
        end = begin + limit if limit else None
        return web.json_response(_list(target.resource, items[begin:end], metadata))

    def _create(self, request: web.Request, target: Target, body: Any) -> web.Response:
        if target.resource is SERVICE_ACCOUNTS and target.subresource == "token" and target.name:
            self._store.get(SERVICE_ACCOUNTS, target.namespace, target.name)
            token = self._access.issue(target.namespace or "", target.name)
            status = {"token": token, "expirationTimestamp": timestamp(now().replace(year=now().year + 1))}
            return web.json_response({**(body or {}), "kind": "TokenRequest", "status": status}, status=201)
        if target.name or not isinstance(body, dict):
            raise ApiError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        dry_run = request.query.get("dryRun") == "All"
        return web.json_response(
            self._store.create(target.resource, target.namespace, body, dry_run=dry_run), status=201
        )

    def _change(self, request: web.Request, target: Target, body: Any) -> web.Response:
        resource, scaling = target.resource, target.subresource == "scale"
        found = self._store.get(resource, target.namespace, target.name or "")
        current = _scale(found) if scaling else found
        new = body if request.method == "PUT" else apply_patch(current, body, request.content_type)
        if scaling:
            scaled = copy.deepcopy(found)
            scaled["spec"]["replicas"] = dig(new, "spec.replicas", 0)
            scaled["metadata"]["resourceVersion"] = dig(new, "metadata.resourceVersion")
            return web.json_response(_scale(self._store.update(resource, found, scaled)))
        status = target.subresource == "status"
        return web.json_response(self._store.update(resource, found, copy.deepcopy(new), status=status))

    def _delete(self, request: web.Request, target: Target, body: Object) -> web.Response:
        options = {**request.query, **body}
        grace = options.get("gracePeriodSeconds")
        how: dict[str, Any] = {
            "grace": None if grace is None else int(grace),
            "policy": options.get("propagationPolicy"),
        }
        resource, query = target.resource, request.query
        if target.name is None:
            gone = [
                self._store.delete(resource, thing, **how)
                for thing in self._store.all(resource, target.namespace)
                if labels_match(query.get("labelSelector"), thing["metadata"].get("labels") or {})
                and fields_match(query.get("fieldSelector"), thing)
            ]
            return web.json_response(_list(resource, gone, {}))
        found = self._store.get(resource, target.namespace, target.name)
        wanted = dig(options, "preconditions.uid")
        if wanted and wanted != found["metadata"]["uid"]:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match the UID in record")
        deleted = self._store.delete(resource, found, **how)
        if resource is PODS or "deletionTimestamp" in deleted["metadata"]:
            return web.json_response(deleted)
        details = {"name": target.name, "kind": resource.plural, "uid": found["metadata"]["uid"]}
        return web.json_response(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )


async def _body(request: web.Request) -> Any:
    if not request.can_read_body:
        return None
    if request.content_type == protobuf.CONTENT_TYPE:
        return protobuf.read(await request.read())
    return await request.json(loads=_loads)


def _loads(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise ApiError(400, "BadRequest", f"the body is no JSON: {error}") from error


def _target(parts: list[str]) -> Target:
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise ApiError(404, "NotFound", _NOWHERE)
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] != "status":
        namespace, rest = rest[1], rest[2:]
    resource = RESOURCES.get((group, rest[0]))
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if (
        resource is None
        or resource.version != version
        or (subresource and subresource not in resource.subresources)
    ):
        raise ApiError(404, "NotFound", _NOWHERE)
    return Target(resource, namespace, name, subresource)


def _list(resource: Resource, items: list[Object], metadata: Object) -> Object:
    kind = f"{resource.kind}List"
    return {"kind": kind, "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def _scale(thing: Object) -> Object:
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = thing["spec"]["replicas"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: thing["metadata"][name] for name in names},
        "spec": {"replicas": replicas} if replicas else {},  # the real server leaves a 0 out, too
        "status": {"replicas": dig(thing, "status.replicas", 0)},
    }
