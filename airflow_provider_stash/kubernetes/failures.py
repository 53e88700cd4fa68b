"""Why a Job's Pod did not start, or ended badly; and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_stash.kubernetes.containers import container_statuses

_Object = Mapping[str, Any]

_KILLED = 137

_WAITING = {
    "ErrImagePull": "check the image's name, and the registry's credentials (imagePullSecrets)",
    "ImagePullBackOff": "check the image's name, and the registry's credentials (imagePullSecrets)",
    "InvalidImageName": "correct the image's name",
    "ErrImageNeverPull": "the node does not have the image, and imagePullPolicy Never forbids to fetch it",
    "CreateContainerConfigError": "check the Secrets and ConfigMaps that the Job names, and runAsNonRoot",
    "CreateContainerError": "check the command, the volumes and their mounts",
    "RunContainerError": "check the command, the volumes and their mounts",
}
_EVENTS = {
    "FailedMount": "check the Secrets and volumes that the Job names",
    "FailedAttachVolume": "check the volumes that the Job names",
    "FailedScheduling": "no node fits: check resources, nodeSelector, affinity, tolerations and volumes",
}


def why_waiting(pod: _Object | None, events: Sequence[_Object] = ()) -> str:
    """
    Tell what a Pod that has not started waits for; empty: nothing is known to be wrong.

    :param pod: the Pod; None: the Job has made none.
    :param events: of the Job and the Pod, where they may be read.
    """
    if pod is None:
        for event in _latest(events):
            if event.get("reason") == "FailedCreate":
                return _not_created(str(event.get("message") or ""))
        return ""
    for status in container_statuses(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in _WAITING:
            return _told(reason, waiting.get("message") or status.get("image"), _WAITING[reason])
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _told(condition.get("reason"), condition.get("message"), _EVENTS["FailedScheduling"])
    for event in _latest(events):
        reason = event.get("reason", "")
        if reason in _EVENTS:
            return _told(reason, event.get("message"), _EVENTS[reason])
    return ""


def what_goes_on(events: Sequence[_Object]) -> str:
    """
    Tell what a Pod that has not started is busy with, though nothing is wrong; empty: that is not known.

    :param events: of the Job and the Pod.
    """
    had = {_of_container(event) for event in events if event.get("reason") == "Pulled"}
    for event in _latest(events):
        if event.get("reason") == "Pulling" and _of_container(event) not in had:
            return _told(
                "Pulling", event.get("message"), "raise startup_timeout, or see why the image comes slowly"
            )
    return ""


def why_failed(job: _Object | None, pod: _Object | None, events: Sequence[_Object] = ()) -> str:
    """
    Tell why a Job ended without its step's word: reason and what to do.

    :param job: the Job; None: it is gone.
    :param pod: its last Pod; None: there is none, or it is gone.
    :param events: of the Job and the Pod, where they may be read.
    """
    if job is None:
        return "The Job is gone: it was deleted in the cluster while the step ran."
    condition: _Object = next(
        (one for one in _conditions(job) if one.get("type") == "Failed" and one.get("status") == "True"), {}
    )
    if condition.get("reason") == "DeadlineExceeded":
        waits = why_waiting(pod, events) if not _has_run(pod) else ""
        return (
            "DeadlineExceeded: the Job ran longer than its active_deadline of "
            f"{(job.get('spec') or {}).get('activeDeadlineSeconds')} s. What to do: raise it, or find out what is "
            f"slow.{' ' + waits if waits else ''}"
        )
    if pod is None:
        return (
            why_waiting(None, events)
            or "The Job's Pod is gone: it was deleted, or its node was. What to do: try again."
        )
    status = pod.get("status") or {}
    if status.get("reason") == "Evicted":
        advice = (
            "give the container resource requests, a temp_dir sizeLimit that fits, or a priorityClassName"
        )
        return _told("Evicted", status.get("message"), advice)
    for one in _conditions(pod):
        if one.get("type") == "DisruptionTarget" and one.get("status") == "True":
            return _told(
                one.get("reason"), one.get("message"), "try again; a priorityClassName keeps it longer"
            )
    for container in container_statuses(pod):
        terminated = (container.get("state") or {}).get("terminated")
        why = _why_terminated(pod, container["name"], terminated) if terminated is not None else ""
        if why:
            return f"{_called(pod, container['name'])}{why}"
    return why_waiting(pod, events) or _sentence(
        status.get("message") or condition.get("message") or "The Job failed."
    )


def _why_terminated(pod: _Object, name: str, terminated: _Object) -> str:
    """Tell why a container ended badly; empty: it did not."""
    reason, code = terminated.get("reason", ""), terminated.get("exitCode")
    if reason == "OOMKilled":
        return (
            "OOMKilled: the container used more memory than its limit"
            f"{_memory_limit(pod, name)}. What to do: raise resources.limits.memory, or stream the snapshot rather "
            "than stage it in memory."
        )
    if reason in {"StartError", "ContainerCannotRun"}:
        return _told(reason, terminated.get("message"), _WAITING["RunContainerError"])
    if code == _KILLED:
        return (
            "Exit code 137: the container was killed from outside, for its memory or with its node. What to do: "
            "look at the node's memory, give the container resource requests, try again."
        )
    if code:
        message = terminated.get("message")
        return f"Exit code {code}{': ' + str(message).strip() if message else ''}."
    return ""


def _called(pod: _Object, name: str) -> str:
    """Name a container, where the Pod has others beside it."""
    spec = pod.get("spec") or {}
    inits = [one["name"] for one in spec.get("initContainers") or ()]
    if name in inits:
        return f"Init container {name}: "
    return f"Container {name}: " if inits or len(spec.get("containers") or ()) > 1 else ""


def _not_created(message: str) -> str:
    if "exceeded quota" in message:
        advice = (
            "raise the namespace's ResourceQuota, ask for fewer resources, or let fewer tasks run at a time"
        )
    elif "must specify" in message:
        advice = "set container.resources as the namespace's ResourceQuota asks"
    elif "serviceaccount" in message:
        advice = "make the service account, or correct serviceAccountName"
    elif "violates PodSecurity" in message:
        advice = "set pod.securityContext and container.securityContext as the namespace asks"
    elif "LimitRange" in message or "must be less than" in message or "usage per" in message:
        advice = "set container.resources within the namespace's LimitRange"
    else:
        advice = "correct what the message names"
    return _told("FailedCreate", f"the cluster refused the Pod: {message}", advice)


def _conditions(thing: _Object) -> Sequence[_Object]:
    return (thing.get("status") or {}).get("conditions") or ()


def _has_run(pod: _Object | None) -> bool:
    return pod is not None and any(
        set(one.get("state") or {}) & {"running", "terminated"} for one in container_statuses(pod)
    )


def _memory_limit(pod: _Object, name: str) -> str:
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
        if limit and container["name"] == name:
            return f" of {limit}"
    return ""


def _latest(events: Sequence[_Object]) -> list[_Object]:
    return sorted(
        events, key=lambda one: one.get("lastTimestamp") or one.get("eventTime") or "", reverse=True
    )


def _of_container(event: _Object) -> object:
    return (event.get("involvedObject") or {}).get("fieldPath")


def _told(reason: object, message: object, advice: str) -> str:
    return f"{reason}: {_sentence(message)} What to do: {advice}."


def _sentence(text: object) -> str:
    words = str(text or "no message").strip()
    return words if words.endswith(".") else f"{words}."
