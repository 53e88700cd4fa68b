"""What a container gets from other objects: its environment, and the directories of its volumes."""

from __future__ import annotations

import base64
import copy
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kubesim.objects import CLAIMS, CONFIGMAPS, PODS, SECRETS, Object, Resource, dig
from tests.kubesim.store import Store

_VARIABLE = re.compile(r"\$\$|\$\((\w+)\)")
_MAP_ENTRY = re.compile(r"(metadata\.(?:labels|annotations))\['(.+)'\]")


class ContainerConfigError(Exception):
    """A container can't be made as it is asked for; the kubelet tries again."""


class MissingReferenceError(ContainerConfigError):
    """An object that a pod refers to is not there (yet); the kubelet waits for it."""


class Volumes:
    """
    The disks of the cluster.

    :param directory: for claims (``pv``) and for what lives as long as its pod (``pods``).
    """

    def __init__(self, store: Store, directory: Path) -> None:
        self._store, self._directory = store, directory

    def pod_directory(self, pod: Object) -> Path:
        """Give the place of what lives as long as the pod."""
        return self._directory / "pods" / str(pod["metadata"]["uid"])

    def remove(self, pod: Object) -> None:
        """Remove what lived as long as the pod."""
        shutil.rmtree(self.pod_directory(pod), ignore_errors=True)

    def directories(self, pod: Object) -> dict[str, Path]:
        """
        Make the directories of a pod's volumes.

        :raises MissingReferenceError: a claim, Secret or ConfigMap is not there.
        """
        made = {one["name"]: self._directory_of(pod, one) for one in pod["spec"].get("volumes") or []}
        group = dig(pod, "spec.securityContext.fsGroup")
        if group is not None and maps_many_users():
            for volume in pod["spec"].get("volumes") or []:
                if "hostPath" not in volume:
                    _give_to_group(made[volume["name"]], group)
        return made

    def _directory_of(self, pod: Object, volume: Object) -> Path:
        namespace, name = pod["metadata"]["namespace"], volume["name"]
        if "hostPath" in volume:
            return Path(str(volume["hostPath"]["path"]))
        if "ephemeral" in volume:
            self._make_claim(pod, volume)
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            claim_name = dig(volume, "persistentVolumeClaim.claimName") or _ephemeral_claim(pod, volume)
            claim = self._store.find(CLAIMS, namespace, claim_name)
            if claim is None:
                raise MissingReferenceError(f'persistentvolumeclaim "{claim_name}" not found')
            place = self._directory / "pv" / str(claim["spec"]["volumeName"])
            place.mkdir(parents=True, exist_ok=True)
            return place
        place = self.pod_directory(pod) / "volumes" / str(name)
        if not place.exists():
            place.mkdir(parents=True)
            place.chmod(0o777)
        for source in dig(volume, "projected.sources") or [volume]:
            for resource, key in ((SECRETS, "secret"), (CONFIGMAPS, "configMap")):
                if source.get(key):
                    self._write(place, namespace, name, resource, source[key])
        return place

    def _make_claim(self, pod: Object, volume: Object) -> None:
        """Make the claim of an ephemeral volume, which goes with its pod."""
        metadata, name = pod["metadata"], _ephemeral_claim(pod, volume)
        if self._store.find(CLAIMS, metadata["namespace"], name) is None:
            template = copy.deepcopy(volume["ephemeral"]["volumeClaimTemplate"])
            owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
            made = {**(template.get("metadata") or {}), "name": name, "ownerReferences": [owner]}
            self._store.create(CLAIMS, metadata["namespace"], {"metadata": made, "spec": template["spec"]})

    def _write(self, place: Path, namespace: str, volume: str, resource: Resource, source: Object) -> None:
        name = source.get("secretName") or source.get("name") or ""
        thing = self._store.find(resource, namespace, name)
        if thing is None:
            if source.get("optional"):
                return
            raise MissingReferenceError(
                f'MountVolume.SetUp failed for volume "{volume}" : {resource.kind.lower()} "{name}" not found'
            )
        every = [{"key": key, "path": key} for key in thing.get("data") or {}]
        for item in source.get("items") or every:
            file = place / item["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.value(namespace, resource, name, item["key"]) or b"")
            file.chmod(item.get("mode", source.get("defaultMode", 0o644)))

    def value(
        self, namespace: str, resource: Resource, name: str, key: str, *, optional: bool = False
    ) -> bytes | None:
        """
        Give the value of a key of a Secret or ConfigMap.

        :raises MissingReferenceError: it is not there, and not optional.
        """
        thing = self._store.find(resource, namespace, name)
        data = dig(thing, "data", {})
        if key in data:
            return base64.b64decode(data[key]) if resource is SECRETS else str(data[key]).encode()
        if optional:
            return None
        what = resource.kind.lower()
        raise MissingReferenceError(
            f'{what} "{name}" not found'
            if thing is None
            else f"couldn't find key {key} in {what} {namespace}/{name}"
        )

    def environment(self, pod: Object, container: Object) -> dict[str, str]:
        """
        Give a container's variables, those that it was given and no others.

        :raises MissingReferenceError: a Secret, ConfigMap or key is not there.
        """
        namespace, found = pod["metadata"]["namespace"], {}
        for source in container.get("envFrom") or []:
            secret = source.get("secretRef")
            resource, reference = (SECRETS, secret) if secret else (CONFIGMAPS, source["configMapRef"])
            thing = self._store.find(resource, namespace, reference["name"])
            if thing is None and not reference.get("optional"):
                raise MissingReferenceError(f'{resource.kind.lower()} "{reference["name"]}" not found')
            for key in dig(thing, "data", {}):
                value = self.value(namespace, resource, reference["name"], key) or b""
                found[source.get("prefix", "") + key] = value.decode(errors="surrogateescape")
        for variable in container.get("env") or []:
            text = self._variable(pod, variable, found)
            if text is not None:
                found[variable["name"]] = text
        return found

    def _variable(self, pod: Object, variable: Object, known: dict[str, str]) -> str | None:
        source = variable.get("valueFrom") or {}
        for kind, resource in (("secretKeyRef", SECRETS), ("configMapKeyRef", CONFIGMAPS)):
            if kind in source:
                reference, namespace = source[kind], pod["metadata"]["namespace"]
                value = self.value(
                    namespace,
                    resource,
                    reference["name"],
                    reference["key"],
                    optional=bool(reference.get("optional")),
                )
                return None if value is None else value.decode(errors="surrogateescape")
        if "fieldRef" in source:
            path, current = source["fieldRef"]["fieldPath"], self._store.current(PODS, pod) or pod
            if match := _MAP_ENTRY.fullmatch(path):
                return str(dig(current, match[1], {}).get(match[2], ""))
            return str(dig(current, path, ""))
        return expander(known)(variable.get("value") or "")


def _ephemeral_claim(pod: Object, volume: Object) -> str:
    return f"{pod['metadata']['name']}-{volume['name']}"


def expander(environment: dict[str, str]) -> Callable[[str], str]:
    """Give what replaces ``$(NAME)`` in values, commands and arguments."""

    def replace(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else environment.get(match[1], match[0])

    return lambda text: _VARIABLE.sub(replace, text)


def maps_many_users() -> bool:
    """Tell whether files can be given to other users: not in a user namespace that knows one user alone."""
    return any(int(line.split()[2]) > 1 for line in Path("/proc/self/uid_map").read_text().splitlines())


def _give_to_group(place: Path, group: int) -> None:
    for directory, directories, files in os.walk(place):
        for name in [".", *directories, *files]:
            path = Path(directory, name)
            os.chown(path, -1, group, follow_symlinks=False)
            if not path.is_symlink():
                extra = 0o2070 if path.is_dir() else 0o060
                path.chmod(path.stat().st_mode | extra)


def security(pod: Object, container: Object) -> dict[str, Any]:
    """
    Give a container's security context: its own over its pod's.

    :raises ContainerConfigError: it is to be root and not to be root.
    """
    both = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    if both.get("runAsNonRoot") and both.get("runAsUser") == 0:
        raise ContainerConfigError("container's runAsUser breaks non-root policy")
    return both
