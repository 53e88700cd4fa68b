"""What keeps the objects as they should be: Jobs, StatefulSets, owners and their belongings."""

from __future__ import annotations

import asyncio
import copy
import logging
import time

from tests.kubesim.objects import (
    CLAIMS,
    JOBS,
    PODS,
    STATEFUL_SETS,
    ApiError,
    Object,
    condition,
    dig,
    is_true,
    owned_by,
    seconds_since,
    suffix,
    timestamp,
)
from tests.kubesim.store import FOREGROUND, Store

log = logging.getLogger(__name__)

_PAUSE = 0.02
_REFUSED_SECONDS = 1.0
_DONE = ("Complete", "Failed")


class Controllers:
    """Looks at everything after each change, and once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refused: dict[str, float] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            # No wait_for: before Python 3.12 it may lose a cancellation that comes with the change.
            waiter = asyncio.create_task(self._store.changed.wait())
            await asyncio.wait({waiter}, timeout=1)
            waiter.cancel()
            self._store.changed.clear()
            self.step()
            await asyncio.sleep(_PAUSE)

    def step(self) -> None:
        """Look at everything once."""
        for work, resource in ((self._job, JOBS), (self._stateful_set, STATEFUL_SETS)):
            for thing in self._store.all(resource):
                if not thing["metadata"].get("deletionTimestamp"):
                    try:
                        work(thing)
                    except Exception:
                        log.exception("%s %s", resource.kind, thing["metadata"]["name"])
        self._collect()
        self._expire()

    def _pods_of(self, owner: Object) -> list[Object]:
        return [pod for pod in self._store.all(PODS, owner["metadata"]["namespace"]) if owned_by(pod, owner)]

    # --- Job --------------------------------------------------------------------------------------

    def _job(self, job: Object) -> None:
        spec, status = job["spec"], job.get("status") or {}
        if any(is_true(job, kind) for kind in _DONE):
            return
        pods = self._pods_of(job)
        phases = [pod["status"]["phase"] for pod in pods]
        active = [pod for pod in pods if pod["status"]["phase"] in {"Pending", "Running"}]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        new: Object = {
            "startTime": status.get("startTime") or timestamp(),
            "active": len(active), "succeeded": succeeded, "failed": failed,
            "ready": sum(is_true(pod, "Ready") for pod in active),
            "terminating": sum("deletionTimestamp" in pod["metadata"] for pod in active),
            "uncountedTerminatedPods": {},
        }  # fmt: skip
        failure = None
        deadline = spec.get("activeDeadlineSeconds")
        if failed > spec["backoffLimit"]:
            failure = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif deadline and seconds_since(new["startTime"]) > deadline:
            failure = ("DeadlineExceeded", "Job was active longer than specified deadline")
        if failure:
            for pod in active:
                self._store.delete(PODS, pod)
            new |= {
                "active": 0,
                "conditions": [condition(kind, True, *failure) for kind in ("FailureTarget", "Failed")],
            }
            self._store.event(job, *failure, kind="Warning")
        elif succeeded >= spec["completions"]:
            reached = ("CompletionsReached", "Reached expected number of succeeded pods")
            conditions = [condition(kind, True, *reached) for kind in ("SuccessCriteriaMet", "Complete")]
            new |= {"completionTime": timestamp(), "conditions": conditions}
            self._store.event(job, "Completed", "Job completed")
        elif not spec["suspend"]:
            for _ in range(min(spec["parallelism"], spec["completions"] - succeeded) - len(active)):
                made = self._create_pod(job, f"{job['metadata']['name']}-{suffix()}")
                if made is None:
                    break
                new["active"] += 1
                self._store.event(job, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
        counts = {name: new[name] or None for name in ("active", "succeeded", "failed")}
        self._store.set_status(JOBS, job, **{**new, **counts})

    # --- StatefulSet ------------------------------------------------------------------------------

    def _stateful_set(self, owner: Object) -> None:
        metadata, spec = owner["metadata"], owner["spec"]
        pods = {pod["metadata"]["name"]: pod for pod in self._pods_of(owner)}
        first = dig(spec, "ordinals.start", 0)
        wanted = [f"{metadata['name']}-{ordinal}" for ordinal in range(first, first + spec["replicas"])]
        parallel = spec["podManagementPolicy"] == "Parallel"
        surplus = sorted((name for name in pods if name not in wanted), key=_ordinal, reverse=True)
        unready = [name for name, pod in pods.items() if not is_true(pod, "Ready")]
        for name in surplus:
            if not parallel and name in unready and name != min(unready, key=_ordinal):
                break  # the real one waits until it is ready, too
            if not pods[name]["metadata"].get("deletionTimestamp"):
                self._store.delete(PODS, pods[name])
            if not parallel:
                break
        for name in wanted:
            pod = self._store.find(PODS, metadata["namespace"], name)
            if pod is None and (parallel or not surplus):
                pod = self._create_pod(owner, name)
            going = pod is not None and "deletionTimestamp" in pod["metadata"]
            if not parallel and (pod is None or going or not is_true(pod, "Ready")):
                break
        alive = self._pods_of(owner)
        ready = sum(is_true(pod, "Ready") for pod in alive)
        self._store.set_status(
            STATEFUL_SETS, owner, observedGeneration=metadata["generation"], replicas=len(alive),
            readyReplicas=ready, availableReplicas=ready, currentReplicas=len(alive), updatedReplicas=len(alive),
            collisionCount=0,
        )  # fmt: skip

    def _claims(self, owner: Object, pod_name: str) -> list[Object]:
        """Make the claims of a pod where they are missing, and give the volumes that use them."""
        namespace, volumes = owner["metadata"]["namespace"], []
        for template in owner["spec"].get("volumeClaimTemplates") or []:
            name = template["metadata"]["name"]
            claim = f"{name}-{pod_name}"
            if self._store.find(CLAIMS, namespace, claim) is None:
                labels = dig(owner, "spec.selector.matchLabels", {})
                made = {
                    "metadata": {"name": claim, "labels": labels},
                    "spec": copy.deepcopy(template["spec"]),
                }
                self._store.create(CLAIMS, namespace, made)
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": claim}})
        return volumes

    # --- both -------------------------------------------------------------------------------------

    def _create_pod(self, owner: Object, name: str) -> Object | None:
        """Create a pod; None: it was refused, now or within the last second."""
        uid, moment = owner["metadata"]["uid"], time.monotonic()
        if moment - self._refused.get(uid, -_REFUSED_SECONDS) < _REFUSED_SECONDS:
            return None
        try:
            return self._store.create(PODS, owner["metadata"]["namespace"], self._pod_of(owner, name))
        except ApiError as error:
            self._refused[uid] = moment
            told = f"Error creating: {error}"
            if owner["kind"] == "StatefulSet":
                told = f"create Pod {name} in StatefulSet {owner['metadata']['name']} failed error: {error}"
            self._store.event(owner, "FailedCreate", told, kind="Warning")
            return None

    def _pod_of(self, owner: Object, name: str) -> Object:
        metadata, template = owner["metadata"], owner["spec"]["template"]
        made: Object = copy.deepcopy({"metadata": template.get("metadata") or {}, "spec": template["spec"]})
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"],
                     "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True}  # fmt: skip
        made["metadata"] |= {"name": name, "ownerReferences": [reference]}
        if owner["kind"] == "StatefulSet":
            index = {
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": str(_ordinal(name)),
            }
            made["metadata"]["labels"] = {**(made["metadata"].get("labels") or {}), **index}
            made["spec"] |= {"hostname": name, "subdomain": owner["spec"].get("serviceName", "")}
            volumes = self._claims(owner, name)
            claimed = {volume["name"] for volume in volumes}
            others = [one for one in made["spec"].get("volumes") or [] if one["name"] not in claimed]
            made["spec"]["volumes"] = others + volumes
        return made

    def _collect(self) -> None:
        """Delete what has lost its owners, and owners that wait for what they own to go first."""
        everything = list(self._store.everything())
        alive = {thing["metadata"]["uid"]: thing for _, thing in everything}
        waiting = {
            uid for uid, thing in alive.items() if FOREGROUND in (thing["metadata"].get("finalizers") or [])
        }
        blocked = set()
        for resource, thing in everything:
            owners = {one["uid"] for one in thing["metadata"].get("ownerReferences") or []}
            if not owners:
                continue
            blocked |= owners & waiting
            if not (owners & alive.keys()) - waiting and not thing["metadata"].get("deletionTimestamp"):
                self._store.delete(resource, thing)
        for resource, thing in everything:
            uid = thing["metadata"]["uid"]
            if uid in waiting - blocked and (current := self._store.current(resource, thing)) is not None:
                freed = copy.deepcopy(current)
                freed["metadata"]["finalizers"].remove(FOREGROUND)
                self._store.update(resource, current, freed)

    def _expire(self) -> None:
        for job in self._store.all(JOBS):
            seconds = job["spec"].get("ttlSecondsAfterFinished")
            done = next((one for one in dig(job, "status.conditions", []) if one["type"] in _DONE), None)
            if seconds is not None and done and seconds_since(done["lastTransitionTime"]) >= seconds:
                self._store.delete(JOBS, job)


def _ordinal(name: str) -> int:
    return int(name.rpartition("-")[2])
