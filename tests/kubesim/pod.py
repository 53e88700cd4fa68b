"""One pod's life: its volumes, network, containers, probes and status."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from tests.kubesim import probes
from tests.kubesim.container import ContainerRun, Output
from tests.kubesim.images import Images
from tests.kubesim.limits import excess, has_disk_limits
from tests.kubesim.network import Network
from tests.kubesim.objects import PODS, Object, condition, dig, now, timestamp
from tests.kubesim.store import Store
from tests.kubesim.volumes import ContainerConfigError, Volumes, expander, security

_RETRY = 0.3
_DISK_SECONDS = 0.5
_RESTART_STEP, _RESTART_MOST = 0.5, 5.0


class PodRun:
    """Runs one pod until it is deleted."""

    def __init__(
        self, pod: Object, store: Store, network: Network, volumes: Volumes, images: Images, node: str
    ) -> None:
        self.outputs: dict[str, list[Output]] = {}
        self._pod, self._spec, self._store, self._network = pod, pod["spec"], store, network
        self._volumes, self._images, self._node = volumes, images, node
        self._uid = pod["metadata"]["uid"]
        self._inits = self._spec.get("initContainers") or []
        self._mains = self._spec["containers"]
        self._states: dict[str, Object] = {}
        self._runs: dict[str, ContainerRun] = {}
        self._mounts: dict[str, Path] = {}
        self._verdict: dict[str, str] = {}
        self._address: str | None = None
        self._ready = False
        self._grace: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Run the pod, end it when it is deleted, and take it out of the store then."""
        life = asyncio.create_task(self._live())
        begin, deadline = now(), self._spec.get("activeDeadlineSeconds")
        looked, limited = begin, has_disk_limits(self._pod)
        try:
            with self._store.changes() as queue:
                while not self._deleted():
                    waiter = asyncio.create_task(queue.get())
                    tasks = {waiter} if life.done() else {waiter, life}
                    await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                    waiter.cancel()
                    if life.done():
                        continue
                    if deadline and (now() - begin).total_seconds() > deadline:
                        message = "Pod was active on the node longer than the specified deadline"
                        await self._fail(life, "DeadlineExceeded", message)
                    elif limited and (now() - looked).total_seconds() > _DISK_SECONDS:
                        looked = now()
                        layers = {name: one.layer for name, one in self._runs.items()}
                        if why := excess(self._pod, self._mounts, layers):
                            self._store.event(self._pod, "Evicted", why, kind="Warning")
                            await self._fail(life, "Evicted", why)
                current = self._store.current(PODS, self._pod)
                self._end(current["metadata"].get("deletionGracePeriodSeconds", 0) if current else 0)
                while not life.done():
                    if self._store.current(PODS, self._pod) is None:  # removed by force, whatever time it had
                        for one in self._runs.values():
                            one.kill()
                    waiter = asyncio.create_task(queue.get())
                    await asyncio.wait({waiter, life}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                    waiter.cancel()
            life.result()
        finally:
            if (left := self._store.current(PODS, self._pod)) is not None:
                self._store.remove(PODS, left)
            if self._address is not None:
                await self._network.detach(self._uid, self._address)
            self._network.write_hosts()
            self._volumes.remove(self._pod)

    def _deleted(self) -> bool:
        current = self._store.current(PODS, self._pod)
        return current is None or "deletionTimestamp" in current["metadata"]

    async def _fail(self, life: asyncio.Task[None], reason: str, message: str) -> None:
        """End the pod at once, and say why."""
        self._verdict = {"reason": reason, "message": message}
        self._end(0)
        await asyncio.wait({life})
        self._report("Failed")

    def _end(self, seconds: int) -> None:
        if not self._grace.done():
            self._grace.set_result(seconds)

    @property
    def _ending(self) -> bool:
        return self._grace.done()

    # --- life -------------------------------------------------------------------------------------

    async def _live(self) -> None:
        for container in self._inits + self._mains:
            self._set(
                container, {"waiting": {"reason": "PodInitializing" if self._inits else "ContainerCreating"}}
            )
        self._store.assign(self._pod, self._node)
        mounts = await self._wait_for_volumes()
        if mounts is None or self._ending:
            return
        self._mounts = mounts
        self._address = await self._network.attach(self._uid)
        self._report(
            podIP=self._address, podIPs=[{"ip": self._address}], hostIP="127.0.0.1", startTime=timestamp()
        )
        self._network.write_hosts()
        for container in self._inits:
            if await self._keep(container, mounts):
                self._report("Failed")
                return
        codes = await asyncio.gather(*(self._keep(container, mounts) for container in self._mains))
        self._report("Failed" if any(codes) else "Succeeded")

    async def _pause(self, seconds: float) -> None:
        await asyncio.wait({self._grace}, timeout=seconds)

    async def _wait_for_volumes(self) -> dict[str, Path] | None:
        while not self._ending:
            try:
                return self._volumes.directories(self._pod)
            except ContainerConfigError as error:
                if "persistentvolumeclaim" in str(error):
                    message = f"0/1 nodes are available: {error}."
                    waits = {**condition("PodScheduled", False, "Unschedulable", message)}
                    self._store.set_status(PODS, self._pod, conditions=[waits])
                else:
                    self._store.event(self._pod, "FailedMount", str(error), kind="Warning")
                    self._report()
                await self._pause(_RETRY)
        return None

    async def _wait_for_image(self, container: Object) -> None:
        while not self._ending and self._images.find(container["image"]) is None:
            message = f'failed to resolve reference "{container["image"]}": not found'
            if dig(self._states[container["name"]], "state.waiting.reason") != "ErrImagePull":
                text = f'Failed to pull image "{container["image"]}": {message}'
                self._store.event(self._pod, "Failed", text, kind="Warning")
            self._set(container, {"waiting": {"reason": "ErrImagePull", "message": message}})
            self._report()
            await self._pause(1)

    async def _keep(self, container: Object, mounts: dict[str, Path]) -> int:
        """Run a container as often as its pod's restart policy wants; gives its last exit code."""
        restarts, policy = 0, self._spec["restartPolicy"]
        await self._wait_for_image(container)  # when its turn has come, as the real one pulls
        while not self._ending:
            try:
                run = self._prepare(container, mounts, restarts)
            except ContainerConfigError as error:
                self._set(
                    container, {"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}}
                )
                self._report()
                await self._pause(_RETRY)
                continue
            code = await self._run_once(container, run)
            last = code == 0 if container in self._inits or policy == "OnFailure" else policy == "Never"
            if last or policy == "Never" or self._ending:
                return code
            restarts += 1
            state = self._states[container["name"]]
            state |= {"restartCount": restarts, "lastState": state["state"]}
            self._set(container, {"waiting": {"reason": "CrashLoopBackOff"}})
            self._report()
            await self._pause(min(_RESTART_STEP * restarts, _RESTART_MOST))
        return 137

    async def _run_once(self, container: Object, run: ContainerRun) -> int:
        name, begin = container["name"], timestamp()
        self._runs[name] = run
        self.outputs.setdefault(name, []).append(run.output)
        probe = container.get("readinessProbe") if container in self._mains else None
        running = asyncio.create_task(run.run(self._grace))
        begun = asyncio.create_task(run.begun.wait())
        await asyncio.wait({running, begun}, return_when=asyncio.FIRST_COMPLETED)
        self._set(container, {"running": {"startedAt": begin}}, ready=probe is None)
        self._report("Running" if container in self._mains else None)
        self._store.event(self._pod, "Started", f"Started container {name}")
        watching = None
        if probe is not None:
            watching = asyncio.create_task(
                probes.watch(probe, run, self._address or "", lambda ready: self._mark(container, ready))
            )
        try:
            code = await running
        finally:
            begun.cancel()
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        reason = "OOMKilled" if run.out_of_memory else "Error" if code else "Completed"
        ended = {"exitCode": code, "reason": reason, "startedAt": begin, "finishedAt": timestamp()}
        self._set(container, {"terminated": ended})
        self._report()
        return code

    def _prepare(self, container: Object, mounts: dict[str, Path], restart: int) -> ContainerRun:
        image = self._images.find(container["image"])
        assert image is not None
        hostname = self._spec.get("hostname") or self._pod["metadata"]["name"]
        own = self._volumes.environment(self._pod, container)
        environment = {**image.variables(), "HOSTNAME": hostname, **own}
        expand = expander(environment)
        command = container.get("command") or list(image.entrypoint)
        return ContainerRun(
            container,
            hostname=hostname[:63],
            base=self._volumes.pod_directory(self._pod) / "containers" / f"{container['name']}.{restart}",
            netns=self._network.namespace(self._uid),
            hosts_file=self._network.hosts_of(self._pod, self._volumes.pod_directory(self._pod)),
            mounts=mounts,
            environment=environment,
            argv=[expand(word) for word in [*command, *(container.get("args") or [])]],
            security=security(self._pod, container),
        )

    def exec_command(self, container: str, command: Sequence[str]) -> tuple[list[str], dict[str, str]] | None:
        """Give the command and environment that run something in a container; None when that does not run."""
        run = self._runs.get(container)
        argv = run.exec_command(command) if run else None
        return (argv, run.environment) if run and argv else None

    # --- status -----------------------------------------------------------------------------------

    def _set(self, container: Object, state: Object, *, ready: bool = False) -> None:
        name = container["name"]
        before = self._states.get(name, {"restartCount": 0, "lastState": {}})
        self._states[name] = {
            "name": name, "image": container["image"], "imageID": container["image"],
            "ready": ready, "started": "running" in state, "state": state,
            "restartCount": before["restartCount"], "lastState": before["lastState"],
        }  # fmt: skip

    def _mark(self, container: Object, ready: bool) -> None:
        state = self._states[container["name"]]
        if "running" in state["state"] and state["ready"] != ready:
            state["ready"] = ready
            self._report()

    def _report(self, phase: str | None = None, **fields: object) -> None:
        initialized = all("terminated" in self._states[one["name"]]["state"] for one in self._inits)
        ready = all(self._states[one["name"]]["ready"] for one in self._mains) and not self._ending
        conditions = [condition(kind, value) for kind, value in (
            ("PodScheduled", True), ("Initialized", initialized), ("ContainersReady", ready), ("Ready", ready),
        )]  # fmt: skip
        given = {"phase": phase} if phase else {}
        with contextlib.suppress(KeyError):
            self._store.set_status(
                PODS, self._pod, conditions=conditions,
                containerStatuses=[dict(self._states[one["name"]]) for one in self._mains],
                initContainerStatuses=[dict(self._states[one["name"]]) for one in self._inits],
                **given, **fields, **self._verdict,
            )  # fmt: skip
        if ready != self._ready:
            self._ready = ready
            self._network.write_hosts()
