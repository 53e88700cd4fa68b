"""Services with an address: connections to it go to a ready pod."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import logging

from tests.kubesim.network import Network, serves
from tests.kubesim.objects import PODS, SERVICES, Object, dig
from tests.kubesim.store import Store

log = logging.getLogger(__name__)

_BLOCK = 1 << 16


class ServiceProxy:
    """Gives Services their addresses, listens there, and passes connections on."""

    def __init__(self, store: Store, network: Network) -> None:
        self._store, self._network = store, network
        self._servers: dict[str, tuple[str, list[asyncio.Server]]] = {}
        self._turn = itertools.count()

    async def run(self) -> None:
        """Work until cancelled."""
        with self._store.changes() as queue:
            while True:
                change = await queue.get()
                if change.resource is SERVICES:
                    uid = change.object["metadata"]["uid"]
                    if change.kind == "ADDED":
                        await self._open(change.object)
                    elif change.kind == "DELETED" and uid in self._servers:
                        await self._close(uid)

    async def _open(self, service: Object) -> None:
        if dig(service, "spec.clusterIP") == "None":
            self._network.write_hosts()
            return
        address = self._network.address("service")
        await self._network.add_service(address)
        servers = []
        for port in dig(service, "spec.ports", []):

            async def pass_on(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: Object = port
            ) -> None:
                await self._pass_on(service, port, reader, writer)

            servers.append(await asyncio.start_server(pass_on, address, port["port"]))
        self._servers[service["metadata"]["uid"]] = (address, servers)
        if (current := self._store.current(SERVICES, service)) is not None:
            changed = copy.deepcopy(current)
            changed["spec"] |= {"clusterIP": address, "clusterIPs": [address], "type": "ClusterIP"}
            self._store.update(SERVICES, current, changed)
        self._network.write_hosts()

    async def _close(self, uid: str) -> None:
        address, servers = self._servers.pop(uid)
        for server in servers:
            server.close()
        await self._network.remove_service(address)

    def _target(self, service: Object, port: Object) -> tuple[str, int] | None:
        wanted = port.get("targetPort", port["port"])
        ready = [
            pod for pod in self._store.all(PODS, service["metadata"]["namespace"]) if serves(service, pod)
        ]
        if not ready:
            return None
        pod = ready[next(self._turn) % len(ready)]
        if isinstance(wanted, str):
            named = {one.get("name"): one["containerPort"] for container in pod["spec"]["containers"]
                     for one in container.get("ports") or []}  # fmt: skip
            wanted = named.get(wanted) or port["port"]
        return str(pod["status"]["podIP"]), int(str(wanted))

    async def _pass_on(
        self, service: Object, port: Object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target = self._target(service, port)
        try:
            if target is None:
                writer.transport.abort()  # refused, as where no pod is ready
                return
            other_reader, other_writer = await asyncio.open_connection(*target)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, other_writer), _copy(other_reader, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await source.read(_BLOCK):
            target.write(block)
            await target.drain()
    with contextlib.suppress(OSError, RuntimeError):
        target.close()
