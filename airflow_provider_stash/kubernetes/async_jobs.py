"""The triggerer's side of a Job: finds it again or creates it, looks at it, removes it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError
from airflow_provider_stash.kubernetes.async_api import call
from airflow_provider_stash.kubernetes.jobs import CREATED, FOUND, ended, is_of_failed_try
from airflow_provider_stash.kubernetes.manifests import SECRETS, secret_manifest

log = logging.getLogger(__name__)


class AsyncJobs:
    """
    The Jobs of one namespace.

    :param api_client: a ``kubernetes_asyncio.client.ApiClient``.
    :param namespace: where.
    """

    def __init__(self, api_client: Any, namespace: str) -> None:
        from kubernetes_asyncio.client import BatchV1Api, CoreV1Api

        self.namespace = namespace
        self.core, self._batch = CoreV1Api(api_client), BatchV1Api(api_client)

    async def create_or_find(
        self, manifest: Mapping[str, Any], data: Callable[[str], Awaitable[Mapping[str, bytes]]]
    ) -> bool:
        """
        Create a Job with its Secrets; one of this name that runs or has ended is taken instead.

        :param manifest: the Job.
        :param data: gives what a Secret holds, by what it is for; nothing: there is no such Secret.
        :return: whether it is there; else an earlier one is still in the way, and is being removed.
        :raises KubernetesError: it could not be created.
        """
        name = manifest["metadata"]["name"]
        try:
            job = await call(self._batch.create_namespaced_job, self.namespace, manifest)
            log.info(CREATED, self.namespace, name)
        except ConflictError:
            found = await self.get(name)
            if found is None or found["metadata"].get("deletionTimestamp"):
                return False
            if is_of_failed_try(found, manifest):
                await self.delete(name)
                return False
            job = found
            log.info(FOUND, self.namespace, name, ended(job) or "it runs")
        for purpose, secret in json.loads(job["metadata"]["annotations"][SECRETS]).items():
            if content := await data(purpose):
                body = secret_manifest(name=secret, job=job, data=content)
                with contextlib.suppress(ConflictError):  # whoever created the Job has made it
                    await call(self.core.create_namespaced_secret, self.namespace, body)
        return True

    async def get(self, name: str) -> dict[str, Any] | None:
        """Give a Job; None: it is not there."""
        try:
            return await call(self._batch.read_namespaced_job, name, self.namespace)
        except NotFoundError:
            return None

    async def pod(self, name: str) -> dict[str, Any] | None:
        """Give a Job's newest Pod; None: there is none."""
        selector = f"job-name={name}"
        pods = (await call(self.core.list_namespaced_pod, self.namespace, label_selector=selector))["items"]
        return max(pods, key=lambda one: one["metadata"]["creationTimestamp"], default=None)

    async def delete(self, name: str) -> None:
        """Remove a Job, and with it its Pod, its Secrets and its Pod's volumes; the Pod is asked to end first."""
        with contextlib.suppress(NotFoundError):
            await call(
                self._batch.delete_namespaced_job, name, self.namespace, propagation_policy="Foreground"
            )
