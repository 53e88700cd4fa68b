"""The node: runs every pod of the cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tests.kubesim.container import Output
from tests.kubesim.images import Images
from tests.kubesim.network import Network
from tests.kubesim.objects import NODES, PODS, Object, condition
from tests.kubesim.pod import PodRun
from tests.kubesim.store import Store
from tests.kubesim.volumes import Volumes

log = logging.getLogger(__name__)

NODE = "kubesim"


class Kubelet:
    """Runs a ``PodRun`` for each pod, from its creation until it is deleted."""

    def __init__(self, store: Store, network: Network, volumes: Volumes, images: Images) -> None:
        self._store, self._network, self._volumes, self._images = store, network, volumes, images
        self._pods: dict[str, PodRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        store.create(NODES, None, {"metadata": {"name": NODE}})
        store.set_status(NODES, store.get(NODES, None, NODE), conditions=[condition("Ready", True)])

    async def run(self) -> None:
        """Work until cancelled; then every pod is ended."""
        try:
            with self._store.changes() as queue:
                while True:
                    change = await queue.get()
                    if change.resource is PODS and change.kind == "ADDED":
                        self._start(change.object)
        finally:
            for pod in self._store.all(PODS):
                self._store.delete(PODS, pod, grace=0)
            await asyncio.gather(*self._tasks.values())

    def _start(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        run = self._pods[uid] = PodRun(pod, self._store, self._network, self._volumes, self._images, NODE)
        task = self._tasks[uid] = asyncio.create_task(run.run())
        task.add_done_callback(lambda _: self._forget(uid))

    def _forget(self, uid: str) -> None:
        task = self._tasks.pop(uid)
        self._pods.pop(uid)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pod %s", uid, exc_info=error)

    def output(self, pod: Object, container: str, *, previous: bool = False) -> Output | None:
        """Give what a container wrote in its last run, or in the one before; None when there was none."""
        run = self._pods.get(pod["metadata"]["uid"])
        outputs = run.outputs.get(container, []) if run else []
        place = -2 if previous else -1
        return outputs[place] if len(outputs) >= -place else None

    def exec_command(
        self, pod: Object, container: str, command: Sequence[str]
    ) -> tuple[list[str], dict[str, str]] | None:
        """Give the command and environment that run something in a container; None when that does not run."""
        run = self._pods.get(pod["metadata"]["uid"])
        return run.exec_command(container, command) if run else None
