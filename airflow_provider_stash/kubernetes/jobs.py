"""Runs Jobs: finds one again or creates it, shows its log, gives its step's result, removes it."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_stash.exceptions import JobFailedError, KubernetesError, KubernetesPermissionError
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError, call, open_stream
from airflow_provider_stash.kubernetes.containers import telling_container, waits
from airflow_provider_stash.kubernetes.failures import what_goes_on, why_failed, why_waiting
from airflow_provider_stash.kubernetes.logs import Say, Shown
from airflow_provider_stash.kubernetes.manifests import CONTAINER, TRY
from airflow_provider_stash.kubernetes.record import is_record, read_record

log = logging.getLogger(__name__)

CREATED = "Job %s/%s runs the step."
FOUND = "Job %s/%s is there already (%s): its result is taken."
GONE_SECONDS = 120.0
"""How long an earlier Job of the same name may take to be gone."""

_FIRST_POLL = 0.25
_LAST_LINES = 5
_EVENTS_AFTER_SECONDS = 3.0


class Jobs:
    """
    The Jobs of one namespace.

    :param api_client: a ``kubernetes.client.ApiClient``.
    :param namespace: where.
    :param containers: of their Pods, as they run one after another.
    """

    def __init__(self, api_client: Any, namespace: str, containers: Sequence[str] = (CONTAINER,)) -> None:
        from kubernetes.client import BatchV1Api, CoreV1Api

        self.namespace, self.containers = namespace, containers
        self._batch, self._core = BatchV1Api(api_client), CoreV1Api(api_client)
        self._denied = ""

    def ensure(
        self,
        manifest: Mapping[str, Any],
        secrets: Callable[[Mapping[str, Any]], list[dict[str, Any]]] = lambda job: [],
    ) -> dict[str, Any]:
        """
        Create a Job with its Secrets; one of this name that runs or has succeeded is taken instead.

        A failed one of an earlier try is removed first, one that is being removed is waited for.

        :param manifest: the Job.
        :param secrets: gives the Secrets that the Job owns, from the Job as the API has it.
        :return: the Job as the API has it.
        :raises KubernetesError: it could not be created.
        """
        name = manifest["metadata"]["name"]
        deadline = time.monotonic() + GONE_SECONDS
        while (job := self._create_or_find(manifest)) is None:
            if time.monotonic() > deadline:
                raise not_gone(self.namespace, name)
            time.sleep(2 * _FIRST_POLL)
        for secret in secrets(job):
            with contextlib.suppress(ConflictError):  # whoever created the Job has made it
                call(self._core.create_namespaced_secret, self.namespace, secret)
        return job

    def _create_or_find(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the Job; None: an earlier one is still in the way."""
        name = manifest["metadata"]["name"]
        try:
            job = call(self._batch.create_namespaced_job, self.namespace, manifest)
        except ConflictError:
            found = self.get(name)
            if found is None or found["metadata"].get("deletionTimestamp"):
                return None
            if is_of_failed_try(found, manifest):
                self.delete(name)
                return None
            log.info(FOUND, self.namespace, name, ended(found) or "it runs")
            return found
        log.info(CREATED, self.namespace, name)
        return job

    def get(self, name: str) -> dict[str, Any] | None:
        """Give a Job; None: it is not there."""
        try:
            return call(self._batch.read_namespaced_job, name, self.namespace)
        except NotFoundError:
            return None

    def delete(self, name: str) -> None:
        """Remove a Job, and with it its Pod, its Secrets and its Pod's volumes; the Pod is asked to end first."""
        with contextlib.suppress(NotFoundError):
            call(self._batch.delete_namespaced_job, name, self.namespace, propagation_policy="Foreground")

    def pod(self, name: str) -> dict[str, Any] | None:
        """Give a Job's newest Pod; None: there is none."""
        pods = call(self._core.list_namespaced_pod, self.namespace, label_selector=f"job-name={name}")[
            "items"
        ]
        return max(pods, key=lambda one: one["metadata"]["creationTimestamp"], default=None)

    def follow(
        self, name: str, *, startup_timeout: float, poll_interval: float, say: Say = log.log
    ) -> dict[str, Any]:
        """
        Wait for a Job's end and show its containers' logs meanwhile.

        :param startup_timeout: seconds for a container to start whose turn it is.
        :param poll_interval: seconds between looks at the Job.
        :param say: takes the logs: level and line.
        :return: what its step returned; empty where no container runs a step.
        :raises StashError: what its step raised.
        :raises JobFailedError: the Job ended without a word of its step, or did not start.
        """
        shown, told = Shown(self.containers, say), ""
        active, pause = time.monotonic(), _FIRST_POLL
        while True:
            pod = self.pod(name)
            if pod is not None:
                self._show(pod, shown)
            if shown.record is not None:  # no need to wait until the Job's status tells its end, too
                return read_record(shown.record)
            job = self.get(name)
            if job is None or ended(job):
                return self.outcome(name, job)
            if waits(pod, self.containers):
                passed = time.monotonic() - active
                events = self._events(name, pod) if passed > _EVENTS_AFTER_SECONDS else []
                why = why_waiting(pod, events)
                if why and why != told:
                    say(logging.WARNING, f"Job {name} waits. {why}")
                    told = why
                if passed > startup_timeout:
                    raise self.why_not_started(name, startup_timeout)
            else:
                active = time.monotonic()
            time.sleep(pause)
            pause = min(2 * pause, poll_interval)

    def outcome(self, name: str, job: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        Give what an ended Job's step returned; empty where no container runs a step.

        :param job: as the API has it; None: it is gone.
        :raises StashError: what its step raised.
        :raises JobFailedError: the step left no word; the reason is told, and the last lines of the log.
        """
        if job is not None and ended(job) == "Complete" and CONTAINER not in self.containers:
            return {}
        pod = self.pod(name) if job is not None else None
        container = telling_container(pod, self.containers) if pod is not None else None
        lines = self._last_lines(pod, container) if pod is not None and container is not None else []
        if container == CONTAINER and lines and is_record(lines[-1]):
            return read_record(lines[-1])
        why = why_failed(job, pod, self._events(name, pod))
        words = f" Last words: {' | '.join(lines)}" if lines else ""
        raise JobFailedError(f"Job {self.namespace}/{name} failed. {why}{words}{self._denied}")

    def why_not_started(self, name: str, seconds: float) -> JobFailedError:
        """Make the error of a Job whose container has not started."""
        pod = self.pod(name)
        events = self._events(name, pod)
        why = why_waiting(pod, events) or what_goes_on(events) or "The cluster gives no reason."
        return JobFailedError(
            f"Job {self.namespace}/{name} did not start its container within {seconds:.0f} s. {why}{self._denied}"
        )

    def _show(self, pod: Mapping[str, Any], shown: Shown) -> None:
        """Follow the containers' logs, each to its end, or until the connection breaks."""
        for unread in shown.unread(pod):
            for line in self._lines(pod, unread.container, follow=True):
                unread.add(line)

    def _last_lines(self, pod: Mapping[str, Any], container: str) -> list[str]:
        return list(deque(self._lines(pod, container, tail_lines=_LAST_LINES), _LAST_LINES))

    def _lines(self, pod: Mapping[str, Any], container: str, **options: Any) -> Iterator[str]:
        from urllib3.exceptions import HTTPError

        try:
            response = open_stream(
                self._core.read_namespaced_pod_log,
                pod["metadata"]["name"],
                self.namespace,
                container=container,
                **options,
            )
        except NotFoundError:
            return
        rest = b""
        with (
            contextlib.closing(response),
            contextlib.suppress(HTTPError),
        ):  # it is opened again where it broke
            for chunk in response.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
        if rest:
            yield rest.decode(errors="replace")

    def _events(self, name: str, pod: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """Give the events of a Job and its Pod; none where they may not be read."""
        names = [name] if pod is None else [name, pod["metadata"]["name"]]
        events: list[dict[str, Any]] = []
        try:
            for one in names:
                events += call(
                    self._core.list_namespaced_event,
                    self.namespace,
                    field_selector=f"involvedObject.name={one}",
                )["items"]
        except KubernetesPermissionError as error:  # they tell more, but nothing depends on them
            self._denied = f" Its events could tell more. {error}"
        return events


def ended(job: Mapping[str, Any]) -> str:
    """Tell how a Job ended: ``Complete`` or ``Failed``; empty: it has not."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return str(condition["type"])
    return ""


def is_of_failed_try(job: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """
    Tell whether a Job has failed, and not in this very try: who wants it then starts anew.

    :param job: as the API has it.
    :param wanted: the manifest of one of its name.
    """
    own, other = (one["metadata"].get("annotations") or {} for one in (wanted, job))
    return ended(job) == "Failed" and (TRY not in own or own[TRY] != other.get(TRY))


def not_gone(namespace: str, name: str) -> KubernetesError:
    """Make the error of a Job that stands in the way of the next of its name."""
    return KubernetesError(
        f"An earlier Job {name} in namespace {namespace} was deleted, but is not gone after {GONE_SECONDS:.0f} s. "
        "What to do: see what its finalizers and its Pod wait for."
    )
