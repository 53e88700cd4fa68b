"""Waits for a step's Job in the triggerer, and shows its log. Loads the Kubernetes client."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_stash.kubernetes.containers import waits
from airflow_provider_stash.kubernetes.jobs import ended
from airflow_provider_stash.kubernetes.logs import Log, Shown
from airflow_provider_stash.kubernetes.manifests import CONTAINER
from airflow_provider_stash.triggers.slot import slot_seconds

_PATIENCE_SECONDS = 300.0
_LOG_TIMEOUTS = (30.0, 60.0)  # seconds to connect, and for a line to come


class StepJobTrigger(BaseTrigger):
    """
    Fires when a Job has ended, is gone, or has not started in time; the task then looks for itself.

    :param name: of the Job.
    :param namespace: of the Job.
    :param kubernetes_conn_id: the connection, which is read in the triggerer: nothing secret is stored.
    :param startup_timeout: seconds for a container to start whose turn it is.
    :param poll_interval: seconds between looks.
    :param containers: of its Pod, as they run one after another.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        kubernetes_conn_id: str,
        startup_timeout: float,
        poll_interval: float,
        containers: Sequence[str] = (CONTAINER,),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name, self.namespace, self.kubernetes_conn_id = name, namespace, kubernetes_conn_id
        self.startup_timeout, self.poll_interval = startup_timeout, poll_interval
        self.containers = list(containers)
        self._shown = Shown(self.containers, self._say)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_stash.triggers.kubernetes_job.StepJobTrigger",
            {
                "name": self.name,
                "namespace": self.namespace,
                "kubernetes_conn_id": self.kubernetes_conn_id,
                "startup_timeout": self.startup_timeout,
                "poll_interval": self.poll_interval,
                "containers": self.containers,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        begin = active = seen = time.monotonic()
        while True:
            try:
                async with AsyncKubernetesHook(conn_id=self.kubernetes_conn_id).get_conn() as client:
                    while True:
                        waiting, done = await self._look(client)
                        seen = time.monotonic()
                        active = active if waiting else seen
                        if done or seen - active > self.startup_timeout:
                            await asyncio.sleep(begin + slot_seconds() - seen)
                            yield TriggerEvent({"error": ""})
                            return
                        await asyncio.sleep(self.poll_interval)
            except Exception as error:  # noqa: BLE001 - whatever the API or the network does, the Job may go on
                if time.monotonic() - seen > _PATIENCE_SECONDS:
                    yield TriggerEvent({"error": f"The Kubernetes API can't be reached: {error}"})
                    return
                self.log.warning("The Job can't be seen at the moment: %s", error)
                await asyncio.sleep(self.poll_interval)

    async def on_kill(self) -> None:
        """Remove the Job when a person ends the task (Airflow 3.3 and later)."""
        from kubernetes_asyncio.client import BatchV1Api

        async with AsyncKubernetesHook(conn_id=self.kubernetes_conn_id).get_conn() as client:
            await BatchV1Api(client).delete_namespaced_job(
                self.name, self.namespace, propagation_policy="Foreground"
            )
        self.log.warning("Job %s/%s was removed, as its task was ended.", self.namespace, self.name)

    async def _look(self, client: Any) -> tuple[bool, bool]:
        """Look once, following logs while there are any: whether a container has yet to start, and the Job ended."""
        from kubernetes_asyncio.client import ApiException, BatchV1Api, CoreV1Api

        core = CoreV1Api(client)
        pods = await core.list_namespaced_pod(self.namespace, label_selector=f"job-name={self.name}")
        pod = client.sanitize_for_serialization(pods.items[-1]) if pods.items else None
        for unread in self._shown.unread(pod) if pod is not None else ():
            await self._show_log(core, pods.items[-1].metadata.name, unread)
        try:
            job = await BatchV1Api(client).read_namespaced_job(self.name, self.namespace)
        except ApiException as error:
            if error.status != 404:
                raise
            return False, True
        return waits(pod, self.containers), bool(ended(client.sanitize_for_serialization(job)))

    async def _show_log(self, core: Any, pod: str, log: Log) -> None:
        """Show what is new in a log, to its end, or until the connection breaks or nothing comes."""
        from aiohttp import ClientError

        response = await core.read_namespaced_pod_log(
            pod, self.namespace, container=log.container, follow=True, _preload_content=False,
            _request_timeout=_LOG_TIMEOUTS,
        )  # fmt: skip
        rest = b""
        async with response:
            with contextlib.suppress(ClientError, asyncio.TimeoutError):
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        log.add(line.decode(errors="replace"))

    def _say(self, level: int, line: str) -> None:
        self.log.log(level, line)
