"""Creates a task's Job in the triggerer, waits for it, and shows its log. Loads the Kubernetes client."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_stash.exceptions import InvalidConfigurationError, KubernetesError, StashError
from airflow_provider_stash.kubernetes.api import NotFoundError
from airflow_provider_stash.kubernetes.async_api import open_stream
from airflow_provider_stash.kubernetes.async_jobs import AsyncJobs
from airflow_provider_stash.kubernetes.containers import waits
from airflow_provider_stash.kubernetes.jobs import GONE_SECONDS, ended, not_gone
from airflow_provider_stash.kubernetes.logs import Log, Shown
from airflow_provider_stash.kubernetes.manifests import CONTAINER
from airflow_provider_stash.kubernetes.record import write_error
from airflow_provider_stash.steps import credentials
from airflow_provider_stash.triggers.slot import slot_seconds

_PATIENCE_SECONDS = 300.0
_EARLIER_POLL = 0.5
_LOG_TIMEOUTS = (30.0, 60.0)  # seconds to connect, and for a line to come


class StepJobTrigger(BaseTrigger):
    """
    Creates a Job, or finds it, and fires when it has ended, is gone, or has not started in time; the task then looks
    for itself.

    A task that is ended before a triggerer has taken it up so leaves no Job: there is none yet.

    :param manifest: the Job, with ``annotations``; nothing in it is secret.
    :param owned: the connections whose secrets go into the Secrets that the Job will own, by what these are for. They
        are read in the triggerer: nothing secret is stored. None: the worker has created the Job and its Secrets.
    :param kubernetes_conn_id: the connection, which is read in the triggerer, too.
    :param startup_timeout: seconds for a container to start whose turn it is.
    :param poll_interval: seconds between looks.
    :param containers: of its Pod, as they run one after another.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        owned: Mapping[str, str] | None,
        kubernetes_conn_id: str,
        startup_timeout: float,
        poll_interval: float,
        containers: Sequence[str] = (CONTAINER,),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.manifest, self.owned, self.kubernetes_conn_id = manifest, owned, kubernetes_conn_id
        self.startup_timeout, self.poll_interval = startup_timeout, poll_interval
        self.containers = list(containers)
        self.name, self.namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        self._shown = Shown(self.containers, self._say)
        self._creating: asyncio.Future[bool] | None = None
        self._fired = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_stash.triggers.kubernetes_job.StepJobTrigger",
            {
                "manifest": self.manifest,
                "owned": self.owned,
                "kubernetes_conn_id": self.kubernetes_conn_id,
                "startup_timeout": self.startup_timeout,
                "poll_interval": self.poll_interval,
                "containers": self.containers,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begin = time.monotonic()
        try:
            if self.owned is not None:
                # Airflow starts the trigger of a task that was ended meanwhile, too, before it clears it away.
                if self.task_instance is not None and await self._task_state() != "deferred":
                    return
                await self._ensure(self.owned)
            await self._wait()
            error = ""
        except StashError as raised:
            error = write_error(raised)
        await asyncio.sleep(begin + slot_seconds() - time.monotonic())
        self._fired = True
        yield TriggerEvent({"error": error})

    async def on_kill(self) -> None:
        """Remove the Job when a person ends the task."""
        if self._creating is not None:  # what is on its way to the cluster would come after the removal
            await asyncio.wait({self._creating})
        async with self._hook().get_conn() as client:
            await AsyncJobs(client, self.namespace).delete(self.name)
        self.log.warning("Job %s/%s was removed, as its task was ended.", self.namespace, self.name)

    async def cleanup(self) -> None:
        """See to that before Airflow 3.3, which tells a trigger that it ends, but not why."""
        if not hasattr(BaseTrigger, "on_kill") and not self._fired and await self._task_state() != "deferred":
            await self.on_kill()

    async def _task_state(self) -> str:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
        from asgiref.sync import sync_to_async

        ti: Any = self.task_instance
        states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        (state,) = states[ti.run_id].values()
        return str(getattr(state, "value", state))

    def _hook(self) -> AsyncKubernetesHook:
        return AsyncKubernetesHook(conn_id=self.kubernetes_conn_id)

    async def _ensure(self, owned: Mapping[str, str]) -> None:
        """Create the Job, or find it, once an earlier one is gone."""
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            self._creating = asyncio.ensure_future(self._create_or_find(owned))
            if await asyncio.shield(self._creating):
                return
            if time.monotonic() > deadline:
                raise not_gone(self.namespace, self.name)
            await asyncio.sleep(_EARLIER_POLL)

    async def _create_or_find(self, owned: Mapping[str, str]) -> bool:
        async def secret(purpose: str) -> Mapping[str, bytes]:
            return await _secret(purpose, owned[purpose]) if purpose in owned else {}

        async with self._hook().get_conn() as client:
            return await AsyncJobs(client, self.namespace).create_or_find(self.manifest, secret)

    async def _wait(self) -> None:
        """Wait for the Job's end, or until it should have started."""
        active = seen = time.monotonic()
        while True:
            try:
                async with self._hook().get_conn() as client:
                    jobs = AsyncJobs(client, self.namespace)
                    while True:
                        waiting, done = await self._look(jobs)
                        seen = time.monotonic()
                        active = active if waiting else seen
                        if done or seen - active > self.startup_timeout:
                            return
                        await asyncio.sleep(self.poll_interval)
            except Exception as error:  # whatever the API or the network does, the Job may go on
                if isinstance(error, StashError) and not error.retryable:
                    raise
                if time.monotonic() - seen > _PATIENCE_SECONDS:
                    raise KubernetesError(f"The Kubernetes API can't be reached: {error}") from error
                self.log.warning("The Job can't be seen at the moment: %s", error)
                await asyncio.sleep(self.poll_interval)

    async def _look(self, jobs: AsyncJobs) -> tuple[bool, bool]:
        """Look once, following logs while there are any: whether a container has yet to start, and the Job ended."""
        pod = await jobs.pod(self.name)
        for unread in self._shown.unread(pod) if pod is not None else ():
            await self._show_log(jobs.core, pod["metadata"]["name"], unread)  # type: ignore[index]
        job = await jobs.get(self.name)
        return job is not None and waits(pod, self.containers), job is None or bool(ended(job))

    async def _show_log(self, core: Any, pod: str, log: Log) -> None:
        """Show what is new in a log, to its end, or until the connection breaks or nothing comes."""
        from aiohttp import ClientError

        try:
            response = await open_stream(
                core.read_namespaced_pod_log, pod, self.namespace, container=log.container, follow=True,
                _request_timeout=_LOG_TIMEOUTS,
            )  # fmt: skip
        except NotFoundError:
            return
        rest = b""
        async with response:
            with contextlib.suppress(ClientError, asyncio.TimeoutError):
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        log.add(line.decode(errors="replace"))

    def _say(self, level: int, line: str) -> None:
        self.log.log(level, line)


async def _secret(purpose: str, conn_id: str) -> dict[str, bytes]:
    """Give what a Secret of the Job holds."""
    from airflow.sdk.exceptions import AirflowNotFoundException
    from asgiref.sync import sync_to_async

    from airflow_provider_stash.hooks.etcd import EtcdHook
    from airflow_provider_stash.hooks.restic import ResticHook

    try:
        if purpose == "etcd":
            return credentials.etcd_secret(await sync_to_async(EtcdHook(conn_id).get_config)())
        return credentials.repository_secret(await sync_to_async(ResticHook(conn_id).get_repository)())
    except AirflowNotFoundException as error:
        raise InvalidConfigurationError(
            f"The triggerer knows no connection {conn_id!r}, of which it makes a Secret of the Job: make it known "
            "there as on the workers, or name a Secret that exists."
        ) from error
