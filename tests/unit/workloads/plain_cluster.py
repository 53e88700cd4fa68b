"""A cluster of plain objects with one etcd workload, whose worker is killed before a request of its choice."""

import base64
import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError
from airflow_provider_stash.steps.member import swap_back_member, swap_member
from airflow_provider_stash.workloads import pod, statefulset
from airflow_provider_stash.workloads.datadirs import DataDir
from airflow_provider_stash.workloads.pod import PodWorkload
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload

KEY = "k"
"""Of the one restore."""

RUNNING = {"containerStatuses": [{"state": {"running": {}}}]}


class Killed(BaseException):
    """The worker is gone, as by SIGKILL: no handler of an ``Exception`` sees it."""


@dataclass
class Cluster:
    """
    One workload; its Jobs work on real directories.

    :param until: requests until the worker is killed; None: it lives.
    :param jobs_go_on: whether Jobs of a killed worker come to their end, or don't even begin.
    """

    directory: Path
    until: int | None = None
    jobs_go_on: bool = False

    def __post_init__(self):
        for name in self.names:
            self.write(Path(self.directory, name), "old")

    @staticmethod
    def write(data_dir, text):
        (data_dir / "member" / "wal").mkdir(parents=True)
        (data_dir / "member" / "data").write_text(text)

    def data(self):
        return {Path(self.directory, name, "member", "data").read_text() for name in self.names}

    def request(self):
        if self.until is not None:
            if self.until == 0:
                raise Killed
            self.until -= 1

    def call(self, method, *arguments, **options):
        self.request()
        return copy.deepcopy(getattr(self, method.__name__)(*arguments, **options))

    def container(self):
        peers = ",".join(f"{one}=http://{one}.etcd:2380" for one in self.names)
        return {
            "name": "etcd",
            "command": ["etcd", "--data-dir=/d", f"--initial-cluster={peers}"],
            "volumeMounts": [{"name": "data", "mountPath": "/d"}],
        }

    def run_jobs(self, step, members, arguments, **options):
        self.request()
        for place, member in enumerate(members):
            try:
                self.request()
            except Killed:
                if self.jobs_go_on:
                    for one in members[place:]:
                        self._job(step, one.name)
                raise
            self._job(step, member.name)
        self.request()
        return [{"name": member.name, "rolledBack": True} for member in members]

    def _job(self, step, name):
        assert not self.volumes_used, f"{step} on a volume in use"
        where = {"member": name, "data_dir": str(self.directory / name), "key": KEY}
        if step == "fill_member":
            data = DataDir(self.directory / name, KEY)
            data.open_journal(name, was_running=True)
            self.write(data.prepare_new(), "new")
        else:
            {"swap_member": swap_member, "swap_back_member": swap_back_member}[step](**where)


@dataclass
class StatefulSetCluster(Cluster):
    """Three members of a StatefulSet."""

    kind, module = StatefulSetWorkload, statefulset
    names: ClassVar = ("etcd-0", "etcd-1", "etcd-2")
    replicas: int = 3
    annotations: dict = field(default_factory=dict)

    @property
    def phase(self):
        text = self.annotations.get("airflow-provider-stash/restore")
        return json.loads(text)["phase"] if text else None

    @property
    def volumes_used(self):
        return self.replicas > 0

    @property
    def whole(self):
        return self.replicas == 3

    def read_namespaced_stateful_set(self, name, namespace):
        return {
            "metadata": {"uid": "u", "annotations": self.annotations},
            "spec": {
                "replicas": self.replicas or None,
                "selector": {"matchLabels": {"app": "etcd"}},
                "template": {"spec": {"containers": [self.container()]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        }

    def patch_namespaced_stateful_set(self, name, namespace, body):
        self.annotations |= body["metadata"]["annotations"]
        self.replicas = body.get("spec", {}).get("replicas", self.replicas)

    def list_namespaced_pod(self, namespace, label_selector):
        pods = [
            {
                "metadata": {"name": name, "ownerReferences": [{"uid": "u"}]},
                "spec": {"nodeName": "n"},
                "status": RUNNING,
            }
            for name in self.names[: self.replicas]
        ]
        return {"items": pods}


@dataclass
class PodCluster(Cluster):
    """A bare Pod, which takes a while to end; and the Secret that a restore keeps its manifest in."""

    kind, module = PodWorkload, pod
    names: ClassVar = ("etcd",)
    pod: dict | None = None
    secret: dict | None = None
    looks: int = 0

    def __post_init__(self):
        super().__post_init__()
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        self.manifest = {
            "metadata": {"name": "etcd", "namespace": "n", "labels": {"app": "etcd"}},
            "spec": {"containers": [self.container()], "volumes": [volume]},
        }
        self.create_namespaced_pod("n", self.manifest)

    @property
    def phase(self):
        return json.loads(base64.b64decode(self.secret["record"]))["phase"] if self.secret else None

    @property
    def volumes_used(self):
        return self.pod is not None

    @property
    def whole(self):
        wanted = {key: self.manifest[key] for key in ("metadata", "spec")}
        return self.pod == {**wanted, "spec": {**wanted["spec"], "nodeName": "n"}, "status": RUNNING}

    def read_namespaced_pod(self, name, namespace):
        if self.pod is not None and "deletionTimestamp" in self.pod["metadata"]:
            self.looks -= 1
            self.pod = self.pod if self.looks else None
        if self.pod is None:
            raise NotFoundError
        return self.pod

    def create_namespaced_pod(self, namespace, body):
        if self.pod is not None:
            raise ConflictError
        made = copy.deepcopy({key: body[key] for key in ("metadata", "spec")})
        self.pod = {**made, "spec": {**made["spec"], "nodeName": "n"}, "status": RUNNING}

    def delete_namespaced_pod(self, name, namespace):
        if self.pod is None:
            raise NotFoundError
        self.pod["metadata"]["deletionTimestamp"], self.looks = "now", 4

    def read_namespaced_secret(self, name, namespace):
        if self.secret is None:
            raise NotFoundError
        return {"data": self.secret}

    def create_namespaced_secret(self, namespace, body):
        if self.secret is not None:
            raise ConflictError
        self.secret = body["data"]

    def patch_namespaced_secret(self, name, namespace, body):
        self.secret |= body["data"]
