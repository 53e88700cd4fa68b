"""A pod that runs: its address, its ports, and commands in its containers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.kubernetes.execution import execute

log = logging.getLogger(__name__)

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_NOT_RUNNABLE = {126, 127}


class RunningPod:
    """
    A pod, as a hook needs it.

    :param api_client: a ``kubernetes.client.ApiClient``.
    :param pod: as the API gave it.
    """

    def __init__(self, api_client: Any, pod: Mapping[str, Any]) -> None:
        self._api_client, self._pod = api_client, pod
        self.name: str = pod["metadata"]["name"]
        self.namespace: str = pod["metadata"]["namespace"]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def address(self) -> str:
        """
        Give its IP address.

        :raises HookError: it has none yet.
        """
        address = (self._pod.get("status") or {}).get("podIP")
        if not address:
            raise HookError(f"Pod {self} has no IP address yet: try again.")
        return str(address)

    def port(self, name: str, container: str | None = None) -> int:
        """
        Look up the number of a port.

        :param name: of the port.
        :param container: see ``run``.
        :raises InvalidConfigurationError: the container has no port of this name.
        """
        chosen = self._container(container)
        ports = {one.get("name"): one["containerPort"] for one in chosen.get("ports") or ()}
        if name not in ports:
            named = ", ".join(sorted(filter(None, ports))) or "none with a name"
            raise InvalidConfigurationError(
                f"Container {chosen['name']} of pod {self} has no port {name!r}; it has {named}. Give one of them or "
                "a number, or the container by containerName."
            )
        return int(ports[name])

    def run(self, command: Sequence[str], container: str | None = None) -> str:
        """
        Run a command in a container, its output in the log.

        The command itself is told nowhere: it may hold a secret.

        :param command: program and arguments.
        :param container: its name; None: the pod's default container by its annotation, else the first, as kubectl
            has it.
        :return: the container's name.
        :raises InvalidConfigurationError: the pod has no such container.
        :raises HookError: it could not be run, or its exit code is not 0.
        """
        name = str(self._container(container)["name"])
        log.info("exec: a command runs in container %s of pod %s.", name, self)
        ended = execute(
            self._api_client, namespace=self.namespace, pod=self.name, container=name, command=command
        )
        where = f"container {name} of pod {self}"
        words = f": {ended.last_words}" if ended.last_words else ", and said nothing"
        if ended.code is None:
            raise HookError(f"exec: the command did not come to its end in {where}: {ended.reason}{words}")
        if ended.code:
            hint = (
                " Look whether the container's image has that program." if ended.code in _NOT_RUNNABLE else ""
            )
            raise HookError(f"exec: the command in {where} ended with exit code {ended.code}{words}.{hint}")
        log.info("exec: the command in %s ended well.", where)
        return name

    def _container(self, name: str | None) -> Mapping[str, Any]:
        spec, annotations = self._pod["spec"], self._pod["metadata"].get("annotations") or {}
        containers: dict[str, Mapping[str, Any]] = {
            one["name"]: one for one in (*spec["containers"], *(spec.get("initContainers") or ()))
        }
        if name and name not in containers:
            raise InvalidConfigurationError(
                f"Pod {self} has no container {name!r} (containerName); it has {', '.join(containers)}."
            )
        default = annotations.get(_DEFAULT_CONTAINER)
        return containers[name or (default if default in containers else spec["containers"][0]["name"])]
