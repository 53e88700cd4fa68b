"""All objects, their versions, and word of every change."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.kubesim import admission, quotas
from tests.kubesim.objects import (
    EVENTS,
    NAMESPACES,
    PODS,
    QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    ApiError,
    Object,
    Resource,
    now,
    owned_by,
    suffix,
    timestamp,
)

Key = tuple[str | None, str]
_HISTORY = 5000
_KEPT = ("uid", "name", "namespace", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp",
         "deletionGracePeriodSeconds")  # fmt: skip
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True)
class Change:
    """One change, as a watch tells it: ``ADDED``, ``MODIFIED`` or ``DELETED``."""

    version: int
    kind: str
    resource: Resource
    object: Object


class Store:
    """The state of the cluster. Objects that are handed out are read, never changed."""

    def __init__(self) -> None:
        self.version = 0
        self.changed = asyncio.Event()
        self.history: deque[Change] = deque(maxlen=_HISTORY)
        self._objects: dict[Resource, dict[Key, Object]] = defaultdict(dict)
        self._queues: list[asyncio.Queue[Change]] = []
        for name in ("default", "kube-system"):
            self.create(NAMESPACES, None, {"metadata": {"name": name}})

    # --- reading ----------------------------------------------------------------------------------

    def all(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """List objects by namespace and name; of one namespace, or of all."""
        found = self._objects[resource]
        return [
            found[key]
            for key in sorted(found, key=lambda key: (key[0] or "", key[1]))
            if namespace in {None, key[0]}
        ]

    def everything(self) -> Iterator[tuple[Resource, Object]]:
        """Give every object there is."""
        for resource, found in list(self._objects.items()):
            for thing in list(found.values()):
                yield resource, thing

    def find(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Give an object, or None."""
        return self._objects[resource].get((namespace if resource.namespaced else None, name))

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """
        Give an object.

        :raises ApiError: 404.
        """
        found = self.find(resource, namespace, name)
        if found is None:
            message = f'{resource.qualified} "{name}" not found'
            raise ApiError(404, "NotFound", message, name=name, kind=resource.plural)
        return found

    def current(self, resource: Resource, thing: Object) -> Object | None:
        """Give the latest state of an object; None when it is gone, even when its name was taken again."""
        metadata = thing["metadata"]
        found = self.find(resource, metadata.get("namespace"), metadata["name"])
        return found if found is not None and found["metadata"]["uid"] == metadata["uid"] else None

    @contextmanager
    def changes(self) -> Iterator[asyncio.Queue[Change]]:
        """Give a queue of all changes from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._queues.append(queue)
        try:
            yield queue
        finally:
            self._queues.remove(queue)

    # --- writing ----------------------------------------------------------------------------------

    def create(
        self, resource: Resource, namespace: str | None, given: Object, *, dry_run: bool = False
    ) -> Object:
        """
        Store a new object.

        :raises ApiError: it is refused, its name is taken, its namespace is not there or is going.
        """
        thing = copy.deepcopy(given)
        metadata = thing.setdefault("metadata", {})
        thing |= {"apiVersion": resource.api_version, "kind": resource.kind}
        if resource.namespaced:
            metadata["namespace"] = namespace
            self.get(NAMESPACES, None, namespace or "")
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + suffix()
        admission.check(resource, thing)
        key = (namespace if resource.namespaced else None, metadata["name"])
        if key in self._objects[resource]:
            message = f'{resource.qualified} "{key[1]}" already exists'
            raise ApiError(409, "AlreadyExists", message, name=key[1], kind=resource.plural)
        if resource.namespaced and (limits := self.all(QUOTAS, namespace)):
            quotas.check(limits, resource, thing, lambda: self.all(resource, namespace))
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        if "spec" in thing:
            metadata["generation"] = 1
        admission.set_defaults(resource, thing)
        if not dry_run:
            self._put("ADDED", resource, key, thing)
            if resource is NAMESPACES:
                self.create(SERVICE_ACCOUNTS, key[1], {"metadata": {"name": "default"}})
        return thing

    def update(self, resource: Resource, old: Object, new: Object, *, status: bool = False) -> Object:
        """
        Replace an object's spec and metadata, or its status.

        :raises ApiError: 409 when ``new`` names another version than the current one; 422 when it is refused.
        """
        before, after = old["metadata"], new.setdefault("metadata", {})
        if after.get("resourceVersion") not in {None, "", before["resourceVersion"]}:
            raise ApiError(
                409, "Conflict",
                f'Operation cannot be fulfilled on {resource.qualified} "{before["name"]}": the object has been '
                "modified; please apply your changes to the latest version and try again",
                name=before["name"], kind=resource.plural,
            )  # fmt: skip
        if status:
            new = {**old, "status": new.get("status"), "metadata": dict(before)}
        else:
            if "status" in resource.subresources and "status" in old:
                new["status"] = old["status"]
            after |= {name: before[name] for name in _KEPT if name in before}
            admission.check_change(resource, old, new)
            if resource is SECRETS:
                admission.take_string_data(new)
            new |= {"apiVersion": resource.api_version, "kind": resource.kind}
        if new == old:
            return old
        if "generation" in before and new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = before["generation"] + 1
        if before.get("deletionTimestamp") and not new["metadata"].get("finalizers") and resource is not PODS:
            self.remove(resource, new)
        else:
            self._put("MODIFIED", resource, (before.get("namespace"), before["name"]), new)
        return new

    def set_status(self, resource: Resource, thing: Object, **fields: Any) -> Object | None:
        """Change fields of the status; None when the object is gone. A field set to None goes."""
        current = self.current(resource, thing)
        if current is None:
            return None
        status = {
            name: value
            for name, value in {**(current.get("status") or {}), **fields}.items()
            if value is not None
        }
        return self.update(resource, current, {"status": status}, status=True)

    def assign(self, pod: Object, node: str) -> None:
        """Bind a pod to a node."""
        current = self.current(PODS, pod)
        if current is not None:
            self.update(PODS, current, {**current, "spec": {**current["spec"], "nodeName": node}})

    def delete(
        self, resource: Resource, thing: Object, *, grace: int | None = None, policy: str | None = None
    ) -> Object:
        """
        Delete an object; one with finalizers, and a pod that has time to end, is only marked.

        :param grace: seconds that a pod may take; None: what it asks for; 0: it is removed at once.
        :param policy: ``Foreground``, ``Background`` or ``Orphan``.
        """
        metadata = thing["metadata"]
        if policy == "Orphan":
            self._orphan(thing)
        finalizers = list(metadata.get("finalizers") or [])
        if policy == "Foreground" and resource is not PODS and FOREGROUND not in finalizers:
            finalizers.append(FOREGROUND)
        if finalizers or (resource is PODS and grace != 0):
            if metadata.get("deletionTimestamp"):
                return thing
            seconds = 0
            if resource is PODS:
                seconds = thing["spec"]["terminationGracePeriodSeconds"] if grace is None else grace
            marked = copy.deepcopy(thing)
            marked["metadata"] |= {
                "deletionTimestamp": timestamp(now() + dt.timedelta(seconds=seconds)),
                "deletionGracePeriodSeconds": seconds,
            }
            if finalizers:
                marked["metadata"]["finalizers"] = finalizers
            self._put("MODIFIED", resource, (metadata.get("namespace"), metadata["name"]), marked)
            return marked
        self.remove(resource, thing)
        return thing

    def remove(self, resource: Resource, thing: Object) -> None:
        """Take an object away, whatever it waits for; a namespace takes what is in it with it."""
        metadata = thing["metadata"]
        gone = self._objects[resource].pop((metadata.get("namespace"), metadata["name"]), None)
        if gone is not None:
            self._tell("DELETED", resource, thing)
        if resource is NAMESPACES:
            for other, inside in list(self.everything()):
                if inside["metadata"].get("namespace") == metadata["name"]:
                    self.delete(other, inside, grace=1)

    def _orphan(self, owner: Object) -> None:
        for resource, thing in list(self.everything()):
            if owned_by(thing, owner):
                freed = copy.deepcopy(thing)
                freed["metadata"]["ownerReferences"] = [
                    one
                    for one in freed["metadata"]["ownerReferences"]
                    if one["uid"] != owner["metadata"]["uid"]
                ]
                self.update(resource, thing, freed)

    def event(self, thing: Object, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an Event about an object; none where its namespace is gone."""
        metadata = thing["metadata"]
        if self.find(NAMESPACES, None, metadata["namespace"]) is None:
            return
        about = {"kind": thing["kind"], "name": metadata["name"], "namespace": metadata["namespace"],
                 "uid": metadata["uid"], "apiVersion": thing["apiVersion"]}  # fmt: skip
        self.create(
            EVENTS,
            metadata["namespace"],
            {
                "metadata": {"generateName": f"{metadata['name']}."},
                "type": kind, "reason": reason, "message": message, "count": 1,
                "firstTimestamp": timestamp(), "lastTimestamp": timestamp(),
                "involvedObject": about, "source": {"component": "kubesim"},
            },
        )  # fmt: skip

    def _put(self, kind: str, resource: Resource, key: Key, thing: Object) -> None:
        self._objects[resource][key] = thing
        self._tell(kind, resource, thing)

    def _tell(self, kind: str, resource: Resource, thing: Object) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        change = Change(self.version, kind, resource, copy.deepcopy(thing))
        self.history.append(change)
        for queue in self._queues:
            queue.put_nowait(change)
        self.changed.set()
