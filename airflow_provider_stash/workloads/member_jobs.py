"""Runs one step for each member, as Jobs side by side, each on the member's own volume."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_stash.exceptions import KubernetesError, StashError, WorkloadError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.jobs import Jobs
from airflow_provider_stash.kubernetes.manifests import (
    PREFIX,
    job_manifest,
    job_name,
    secret_manifest,
    secret_name,
)
from airflow_provider_stash.workloads.base import SnapshotSource
from airflow_provider_stash.workloads.pod_template import EtcdPod

log = logging.getLogger(__name__)

_GONE_SECONDS = 120.0
_POLL = 0.2
_OWNED = f"{PREFIX}/owned"
_AS_ROOT = {
    "runAsUser": 0,
    "runAsNonRoot": False,
    "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
}
"""Where the Pod doesn't say as whom etcd runs, the data's owner is not known before it is seen."""


@dataclass(frozen=True)
class MemberPlace:
    """
    A member, and where its data lies.

    :param name: etcd's ``--name``.
    :param pod: name of its Pod.
    :param claim: name of its PersistentVolumeClaim.
    :param node: where its Pod runs; None: it has none.
    """

    name: str
    pod: str
    claim: str
    node: str | None = None


@dataclass(frozen=True)
class MemberJobs:
    """
    The Jobs of one restore.

    :param jobs: of the namespace.
    :param settings: how they run.
    :param etcd: how etcd runs in the Pods.
    :param pod_spec: of the members' Pods.
    :param key: the restore's.
    """

    jobs: Jobs
    settings: KubernetesJob
    etcd: EtcdPod
    pod_spec: Mapping[str, Any] = field(repr=False)
    key: str

    def name(self, step: str, member: MemberPlace) -> str:
        """Give the name of the Job that runs a step for a member."""
        return job_name(f"{step}-{member.name}", self.jobs.namespace, self.key)

    def run(
        self,
        step: str,
        members: Sequence[MemberPlace],
        arguments: Mapping[str, Any],
        *,
        source: SnapshotSource | None = None,
        each: Mapping[str, Mapping[str, Any]] | None = None,
        on_node: bool = False,
        all_of_them: bool = False,
    ) -> list[dict[str, Any]]:
        """
        Run a step for every member; the first failure ends the others.

        :param step: see ``steps.member``.
        :param arguments: beside the member's name, the data directory and the restore's key.
        :param source: for a step that needs the repository.
        :param each: further arguments by member name.
        :param on_node: beside the member's running Pod: its volume may be attached to one node at a time.
        :param all_of_them: let every Job come to its end, whatever becomes of the others.
        :return: what the step returned, in the members' order.
        :raises StashError: what a step raised; of several the first member's.
        """
        results: list[dict[str, Any]] = []
        failures: list[StashError] = []
        pool = ThreadPoolExecutor(max(1, len(members)), thread_name_prefix=step)
        try:
            futures = [
                pool.submit(
                    self._run_one,
                    step,
                    member,
                    {**arguments, **(each or {}).get(member.name, {})},
                    source,
                    on_node,
                )
                for member in members
            ]
            wait(futures, return_when="ALL_COMPLETED" if all_of_them else FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    try:
                        results.append(future.result())
                    except StashError as error:
                        failures.append(error)
        finally:
            try:
                self.remove(step, members)
            finally:
                pool.shutdown()
        if failures:
            if len(failures) > 1:
                raise type(failures[0])(" ".join(str(one) for one in failures)) from failures[0]
            raise failures[0]
        return results

    def remove(self, step: str, members: Sequence[MemberPlace]) -> None:
        """
        Remove a step's Jobs, and wait until they and their Pods are gone.

        :raises WorkloadError: one is not gone in time.
        """
        names = [self.name(step, member) for member in members]
        for name in names:
            with contextlib.suppress(KubernetesError):
                self.jobs.delete(name)
        deadline = time.monotonic() + _GONE_SECONDS
        while names := [name for name in names if self.jobs.get(name) is not None]:
            if time.monotonic() > deadline:
                raise WorkloadError(
                    f"Job {self.jobs.namespace}/{names[0]} was deleted, but is not gone after {_GONE_SECONDS:.0f} s. "
                    "What to do: see what its finalizers and its Pod wait for."
                )
            time.sleep(_POLL)

    def _run_one(
        self,
        step: str,
        member: MemberPlace,
        arguments: Mapping[str, Any],
        source: SnapshotSource | None,
        on_node: bool,
    ) -> dict[str, Any]:
        name = self.name(step, member)
        own = {"member": member.name, "data_dir": self.etcd.data_dir, "key": self.key}
        request: dict[str, Any] = {"arguments": {**own, **arguments}}
        mounted: dict[str, Sequence[str]] = {}
        owned: str | None = None
        if source is not None:
            request["repository"] = dict(source.settings)
            given = self.settings.repository_secret
            if given is None:
                owned = secret_name(f"{name}-repo")
                given = owned
            mounted["repository"] = [given] if isinstance(given, str) else list(given)
        mount = self.etcd.mount
        data: dict[str, Any] = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("subPath"):
            data["subPath"] = mount["subPath"]
        manifest = job_manifest(
            self._settings(member, on_node=on_node),
            name=name,
            namespace=self.jobs.namespace,
            arguments=[step, json.dumps(request)],
            credentials=mounted,
            volumes=[{"name": mount["name"], "persistentVolumeClaim": {"claimName": member.claim}}],
            volume_mounts=[data],
            labels={"app.kubernetes.io/component": step},
            annotations={_OWNED: owned} if owned else {},
        )

        def secrets(job: Mapping[str, Any]) -> list[dict[str, Any]]:
            wanted = (job["metadata"].get("annotations") or {}).get(_OWNED)
            return [secret_manifest(name=wanted, job=job, data=source.secret)] if source and wanted else []

        try:
            self.jobs.ensure(manifest, secrets)
            return self.jobs.follow(
                name,
                startup_timeout=self.settings.startup_timeout,
                poll_interval=self.settings.poll_interval,
                say=lambda level, line: log.log(level, "%s: %s", member.name, line),
            )
        except StashError as error:
            raise type(error)(f"Member {member.name!r}: {error}") from error

    def _settings(self, member: MemberPlace, *, on_node: bool) -> KubernetesJob:
        """Run as etcd runs: as its user, and where its Pods may run; what the settings say comes first."""
        spec = self.pod_spec
        pod = {
            name: spec[name] for name in ("tolerations", "nodeSelector", "imagePullSecrets") if spec.get(name)
        }
        of_pod = dict(spec.get("securityContext") or {})
        user = {
            name: value
            for name, value in {**of_pod, **(self.etcd.container.get("securityContext") or {})}.items()
            if name in {"runAsUser", "runAsGroup"}
        }
        given = self.settings.container.get("securityContext") or {}
        root = {**user, **given}.get("runAsUser", 0) == 0
        container = _AS_ROOT if root else {**user, "runAsNonRoot": True}
        pod |= {"securityContext": {**of_pod, **(self.settings.pod.get("securityContext") or {})}}
        pod |= {name: value for name, value in self.settings.pod.items() if name != "securityContext"}
        if on_node and member.node is not None:
            pod["nodeName"] = member.node
        # etcd's tools look the member's own name up, which is known to no DNS while its Pod is down.
        hosts = {urlsplit(url).hostname or "" for url in self.etcd.peer_urls[member.name]}
        if names := sorted(host for host in hosts if not _is_address(host)):
            alias = {"ip": "127.0.0.1", "hostnames": names}
            pod["hostAliases"] = [*(pod.get("hostAliases") or ()), alias]
        return replace(
            self.settings,
            pod=pod,
            container={**self.settings.container, "securityContext": {**container, **given}},
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
