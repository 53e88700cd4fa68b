"""Members that run in Kubernetes: what StatefulSets and bare Pods have in common."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from airflow_provider_stash.exceptions import InvalidConfigurationError, StashError, WorkloadError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.jobs import Jobs
from airflow_provider_stash.workloads.base import DONE, UNTOUCHED, FillRequest, SnapshotSource, Workload
from airflow_provider_stash.workloads.claims import check_claims
from airflow_provider_stash.workloads.member_jobs import MemberJobs, MemberPlace
from airflow_provider_stash.workloads.permissions import MEMBER_JOBS, Permission, require_permissions
from airflow_provider_stash.workloads.pod_template import EtcdPod, read_pod
from airflow_provider_stash.workloads.pod_waits import runs, wait_for
from airflow_provider_stash.workloads.restore_record import (
    ENDED,
    ROLLED_BACK,
    STOPPED,
    SWAPPED,
    SWAPPING,
    VERIFIED,
    Record,
    require_record,
)

log = logging.getLogger(__name__)

_WorkloadT = TypeVar("_WorkloadT", bound="KubernetesWorkload")


@dataclass(frozen=True, kw_only=True)
class KubernetesWorkload(Workload):
    """
    An etcd cluster in Kubernetes. What is not given is read from the cluster.

    :param name: of the object (Stash: ``workloadName``).
    :param namespace: its namespace; None: the Jobs', else the connection's.
    :param container: etcd's container; None: the only one, or the one that runs etcd.
    :param data_dir: etcd's ``--data-dir`` (Stash: ``dataDir``).
    :param initial_cluster: etcd's ``--initial-cluster`` (Stash: ``initialCluster``).
    :param initial_cluster_token: for the restored cluster (Stash: ``initialClusterToken``); None: one of its own
        for each restore, so that no stray old member can join.
    :param job: how the restore's Jobs run.
    :param stop_timeout: seconds for the Pods to be gone.
    :param start_timeout: seconds for the Pods to run again.
    """

    name: str
    namespace: str | None = None
    container: str | None = None
    data_dir: str | None = None
    initial_cluster: str | None = None
    initial_cluster_token: str | None = None
    job: KubernetesJob = field(default_factory=KubernetesJob)
    stop_timeout: float = 180.0
    start_timeout: float = 300.0
    api_client: Any = field(default=None, repr=False, compare=False)
    fills_from_repository: bool = field(default=True, init=False)

    def connected(self: _WorkloadT, api_client: Any, job: KubernetesJob, namespace: str) -> _WorkloadT:
        """
        Give the same workload with a way to its cluster.

        :param api_client: a ``kubernetes.client.ApiClient``.
        :param job: how its Jobs run, image included.
        :param namespace: where it is.
        """
        return replace(self, api_client=api_client, job=job, namespace=namespace)

    # --- what kinds of objects differ in ----------------------------------------------------------

    @property
    @abstractmethod
    def kind(self) -> str:
        """Kind of the object."""

    @property
    @abstractmethod
    def permissions(self) -> Sequence[Permission]:
        """What a restore needs beyond ``permissions.MEMBER_JOBS``."""

    @abstractmethod
    def pod_spec(self) -> Mapping[str, Any]:
        """Give the spec of the members' Pods, also while there are none."""

    @abstractmethod
    def replicas(self) -> int:
        """Give how many Pods are wanted now."""

    @abstractmethod
    def places(self, etcd: EtcdPod) -> list[MemberPlace]:
        """Give the members, by ordinal, with their claims."""

    @abstractmethod
    def pods(self) -> list[dict[str, Any]]:
        """Give the Pods that there are."""

    @abstractmethod
    def check_object(self, etcd: EtcdPod) -> list[str]:
        """
        Look for what would break the restore.

        :return: warnings for a person.
        :raises WorkloadError: it can't be restored so.
        """

    @abstractmethod
    def record(self) -> Record | None:
        """Read how far the last restore has come; None: there was none."""

    @abstractmethod
    def write(self, record: Record, *, replicas: int | None = None) -> None:
        """Write down how far this one has come, and with it how many Pods are wanted; None: as many as now."""

    # --- steps ------------------------------------------------------------------------------------

    @property
    def peer_urls(self) -> Mapping[str, Sequence[str]]:
        return self._etcd().peer_urls

    def check(
        self, *, key: str, snapshot_size: int, etcd_version: str, source: SnapshotSource | None = None
    ) -> dict[str, Any]:
        require_permissions(self._client(), self._namespace(), [*MEMBER_JOBS, *self.permissions])
        record = self.record()
        if record is not None and record.phase not in ENDED and record.key != key:
            raise WorkloadError(
                f"{self} is in the middle of another restore ({record.key}, {record.phase}). Let that one's "
                f"roll_back run first. {UNTOUCHED}"
            )
        etcd = self._etcd()
        warnings = self.check_object(etcd)
        members = self.places(etcd)
        once = check_claims(self._client(), self._namespace(), members)
        if source is None:
            raise InvalidConfigurationError(f"{self}: its Jobs must know where to fetch the snapshot.")
        if once and any(member.node for member in members):
            warnings.append(
                f"Claim {once} can be mounted by one Pod alone (ReadWriteOncePod): space, owner and tools are "
                "looked at only after the stop."
            )
            return {"etcdTool": None, "etcdToolVersion": None, "free": {}, "warnings": warnings}
        checked = self._jobs(etcd, key).run(
            "check_member", members,
            {"snapshot": source.snapshot, "etcd_version": etcd_version},
            source=source, on_node=True,
        )  # fmt: skip
        for warning in warnings:
            log.warning("%s", warning)
        return {
            "etcdTool": checked[0]["etcdTool"],
            "etcdToolVersion": checked[0]["etcdToolVersion"],
            "free": {member.claim: one["free"] for member, one in zip(members, checked, strict=True)},
            "warnings": warnings,
        }

    def stop(self, *, key: str) -> list[dict[str, Any]]:
        etcd, record = self._etcd(), self.record()
        members = self.places(etcd)
        if record is not None and record.key == key and record.phase == VERIFIED:
            raise WorkloadError(DONE)
        if record is None or record.phase in ENDED:
            running = [pod["metadata"]["name"] for pod in self.pods() if runs(pod)]
            record = Record(key, STOPPED, self.replicas(), running)
            log.info("Stopping %s: %d Pods of %d run.", self, len(running), record.replicas)
            self.write(record, replicas=0)
        elif record.key != key:
            raise WorkloadError(f"{self} is in the middle of another restore ({record.key}). {UNTOUCHED}")
        elif record.phase == STOPPED:  # an earlier try may have written it down, and no more
            self.write(record, replicas=0)
        self._wait_gone()
        return [{"name": member.name, "wasRunning": member.pod in record.running} for member in members]

    def fill(self, request: FillRequest, *, key: str) -> list[dict[str, Any]]:
        etcd, record, source = (
            self._etcd(),
            require_record(self.record(), key, {STOPPED}, self),
            request.source,
        )
        if source is None:
            raise InvalidConfigurationError(f"{self}: its Jobs must know where to fetch the snapshot.")
        self._require_down()
        members = self.places(etcd)
        return self._jobs(etcd, key).run(
            "fill_member",
            members,
            {
                "snapshot": source.snapshot,
                "path": source.path,
                "size": source.size,
                "sha256": source.sha256,
                "initial_cluster": {name: list(urls) for name, urls in etcd.peer_urls.items()},
                "token": etcd.token or request.token,
                "bump_revision": request.bump_revision,
            },
            source=source,
            each={member.name: {"was_running": member.pod in record.running} for member in members},
        )

    def start(self, *, key: str) -> list[dict[str, Any]]:
        etcd, record = self._etcd(), require_record(self.record(), key, {STOPPED, SWAPPING, SWAPPED}, self)
        members = self.places(etcd)
        results = [{"name": member.name} for member in members]
        if record.phase != SWAPPED:
            self._require_down()
            self.write(replace(record, phase=SWAPPING))
            results = self._jobs(etcd, key).run("swap_member", members, {})
        replicas = record.replicas or len(members)
        log.info("Starting %s: %d Pods.", self, replicas)
        self.write(replace(record, phase=SWAPPED), replicas=replicas)
        self._wait_running(members[:replicas])
        return results

    def accept(self, *, key: str) -> None:
        self.write(replace(require_record(self.record(), key, {SWAPPED, VERIFIED}, self), phase=VERIFIED))

    def roll_back(self, *, key: str) -> list[dict[str, Any]]:
        record = self.record()
        if record is None or record.key != key:
            return []  # this restore has stopped nothing, and may have failed as the workload can't be read
        etcd = self._etcd()
        members = self.places(etcd)
        if record.phase in ENDED:
            running = {pod["metadata"]["name"] for pod in self.pods() if runs(pod)}
            return [{"name": one.name, "rolledBack": False, "running": one.pod in running} for one in members]
        jobs = self._jobs(etcd, key)
        for step in ("fill_member", "swap_member", "swap_back_member"):
            jobs.remove(step, members)
        put_back: set[str] = set()
        failure: StashError | None = None
        if record.phase != STOPPED:
            record = replace(record, phase=SWAPPING)
            self.write(record, replicas=0)
            self._wait_gone()
            try:
                done = jobs.run("swap_back_member", members, {}, all_of_them=True)
                put_back = {one["name"] for one in done if one["rolledBack"]}
            except StashError as error:
                failure = error  # the others were put back, and must serve again
        log.info("Starting %s on its old data: %d Pods.", self, record.replicas)
        self.write(record, replicas=record.replicas)
        if failure is None:  # written last: whatever fails before is tried again
            self.write(replace(record, phase=ROLLED_BACK))
        before = [member for member in members if member.pod in record.running]
        self._wait_running(before)
        if failure is not None:
            raise WorkloadError(
                f"A member's old data could not be put back; the others run again. {failure}"
            ) from failure
        return [
            {"name": one.name, "rolledBack": one.name in put_back, "running": one in before}
            for one in members
        ]

    def remove_old_data(self, *, key: str, keep_restores: int, keep_days: float) -> list[dict[str, Any]]:
        record = self.record()
        if record is None or record.key != key or record.phase != VERIFIED:
            return []
        etcd = self._etcd()
        members = self.places(etcd)
        once = check_claims(self._client(), self._namespace(), members)
        if once and any(member.node for member in members):
            log.warning("Old data stays: claim %s can be mounted by one Pod alone (ReadWriteOncePod).", once)
            return []
        arguments = {"keep": keep_restores - 1, "keep_days": keep_days}
        cleaned = self._jobs(etcd, key).run("clean_member", members, arguments, on_node=True)
        return [{"name": one["name"], "path": path} for one in cleaned for path in one["removed"]]

    # --- the cluster ------------------------------------------------------------------------------

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace or '-'}/{self.name}"

    def _client(self) -> Any:
        if self.api_client is None:
            raise InvalidConfigurationError(f"{self} has no client of its cluster: call connected() first.")
        return self.api_client

    def _namespace(self) -> str:
        return self.namespace or "default"

    def _etcd(self) -> EtcdPod:
        return read_pod(
            self.pod_spec(),
            where=str(self),
            container=self.container,
            data_dir=self.data_dir,
            initial_cluster=self.initial_cluster,
            initial_cluster_token=self.initial_cluster_token,
        )

    def _jobs(self, etcd: EtcdPod, key: str) -> MemberJobs:
        return MemberJobs(Jobs(self._client(), self._namespace()), self.job, etcd, self.pod_spec(), key)

    def _require_down(self) -> None:
        if self.replicas() or self.pods():
            raise WorkloadError(self._fight())

    def _fight(self) -> str:
        return (
            f"{self} was stopped, but something has started it again ({self.who_manages()}). Pause that (an operator, "
            "GitOps, an autoscaler) for the time of the restore."
        )

    def who_manages(self) -> str:
        """Name what else may have changed the object."""
        return "nothing is known of by whom"

    def end(self, pods: Sequence[Mapping[str, Any]]) -> None:
        """End Pods that would not go by themselves though none is wanted any more."""

    def _wait_gone(self) -> None:
        def look() -> str:
            if self.replicas():
                raise WorkloadError(self._fight())
            pods = self.pods()
            self.end(pods)
            left = [pod["metadata"]["name"] for pod in pods]
            return f"Pods {', '.join(left)} are not gone" if left else ""

        wait_for(self, look, self.stop_timeout)

    def _wait_running(self, members: Sequence[MemberPlace]) -> None:
        def look() -> str:
            running = {pod["metadata"]["name"] for pod in self.pods() if runs(pod)}
            waiting = [member.pod for member in members if member.pod not in running]
            return f"Pods {', '.join(waiting)} do not run" if waiting else ""

        wait_for(self, look, self.start_timeout)
