"""A restore into a StatefulSet whose worker is killed before each single request, on a cluster of plain objects."""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.steps.member import swap_back_member, swap_member
from airflow_provider_stash.workloads import statefulset
from airflow_provider_stash.workloads.base import FillRequest, SnapshotSource
from airflow_provider_stash.workloads.datadirs import DataDir
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload

KEY = "k"
NAMES = ("etcd-0", "etcd-1", "etcd-2")
OLD, NEW = dict.fromkeys(NAMES, "old"), dict.fromkeys(NAMES, "new")
REQUEST = FillRequest(None, 1, "t", source=SnapshotSource("0" * 64, {}, {}, "/s", 1, "sha"))
STEPS = {
    "stop": lambda workload: workload.stop(key=KEY),
    "fill": lambda workload: workload.fill(REQUEST, key=KEY),
    "start": lambda workload: workload.start(key=KEY),
    "verify": lambda workload: workload.accept(key=KEY),
}


class Killed(BaseException):
    """The worker is gone, as by SIGKILL: no handler of an ``Exception`` sees it."""


@dataclass
class Cluster:
    """
    One StatefulSet; its Jobs work on real directories.

    :param until: requests until the worker is killed; None: it lives.
    :param jobs_go_on: whether Jobs of a killed worker come to their end, or don't even begin.
    """

    directory: Path
    until: int | None = None
    jobs_go_on: bool = False
    replicas: int = 3
    annotations: dict = field(default_factory=dict)

    def __post_init__(self):
        for name in NAMES:
            self.write(Path(self.directory, name), "old")

    @staticmethod
    def write(data_dir, text):
        (data_dir / "member" / "wal").mkdir(parents=True)
        (data_dir / "member" / "data").write_text(text)

    def data(self):
        return {name: Path(self.directory, name, "member", "data").read_text() for name in NAMES}

    @property
    def phase(self):
        text = self.annotations.get("airflow-provider-stash/restore")
        return json.loads(text)["phase"] if text else None

    def request(self):
        if self.until is not None:
            if self.until == 0:
                raise Killed
            self.until -= 1

    def call(self, method, *arguments, **options):
        self.request()
        return getattr(self, method.__name__)(*arguments, **options)

    def read_namespaced_stateful_set(self, name, namespace):
        peers = ",".join(f"{one}=http://{one}.etcd:2380" for one in NAMES)
        container = {
            "name": "etcd",
            "command": ["etcd", "--data-dir=/d", f"--initial-cluster={peers}"],
            "volumeMounts": [{"name": "data", "mountPath": "/d"}],
        }
        return {
            "metadata": {"uid": "u", "annotations": dict(self.annotations)},
            "spec": {
                "replicas": self.replicas or None,
                "selector": {"matchLabels": {"app": "etcd"}},
                "template": {"spec": {"containers": [container]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        }

    def patch_namespaced_stateful_set(self, name, namespace, body):
        self.annotations |= body["metadata"]["annotations"]
        self.replicas = body.get("spec", {}).get("replicas", self.replicas)

    def list_namespaced_pod(self, namespace, label_selector):
        running = {"containerStatuses": [{"state": {"running": {}}}]}
        pods = [
            {
                "metadata": {"name": name, "ownerReferences": [{"uid": "u"}]},
                "spec": {"nodeName": "n"},
                "status": running,
            }
            for name in NAMES[: self.replicas]
        ]
        return {"items": pods}

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
        assert self.replicas == 0, f"{step} on a volume in use"
        where = {"member": name, "data_dir": str(self.directory / name), "key": KEY}
        if step == "fill_member":
            data = DataDir(self.directory / name, KEY)
            data.open_journal(name, was_running=True)
            self.write(data.prepare_new(), "new")
        else:
            {"swap_member": swap_member, "swap_back_member": swap_back_member}[step](**where)


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Make a cluster, and the workload on it as a new process has it."""
    monkeypatch.setattr("os.fsync", lambda fd: None)  # hundreds of runs, and no power cut
    numbers = itertools.count()
    workload = StatefulSetWorkload(
        name="etcd", namespace="n", api_client=object(), stop_timeout=1, start_timeout=1
    )

    def one(**given):
        cluster = Cluster(tmp_path / str(next(numbers)), **given)
        jobs = SimpleNamespace(run=cluster.run_jobs, remove=lambda *_: cluster.request())
        monkeypatch.setattr(statefulset, "call", cluster.call)
        monkeypatch.setattr(StatefulSetWorkload, "_jobs", lambda *_: jobs)
        return cluster, workload

    return one


def roll_back(workload):
    workload.roll_back(key=KEY)


def killed(cluster, do, workload, after):
    """Do a step and kill its worker after so many requests; tells whether it was killed before its end."""
    cluster.until = after
    try:
        do(workload)
    except Killed:
        return True
    finally:
        cluster.until = None
    return False


def assert_old(cluster):
    assert cluster.data() == OLD
    assert cluster.replicas == 3
    assert cluster.phase in {None, "rolled-back"}


@pytest.mark.parametrize("jobs_go_on", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_and_rolled_back(make, step, jobs_go_on):
    for after in itertools.count():
        cluster, workload = make(jobs_go_on=jobs_go_on)
        for name in itertools.takewhile(step.__ne__, STEPS):
            STEPS[name](workload)
        if not killed(cluster, STEPS[step], workload, after):
            break
        roll_back(workload)
        assert_old(cluster)
        roll_back(workload)
        assert_old(cluster)
    assert after > 1


@pytest.mark.parametrize("jobs_go_on", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_and_tried_again(make, step, jobs_go_on):
    for after in itertools.count():
        cluster, workload = make(jobs_go_on=jobs_go_on)
        was_killed = False
        for name, do in STEPS.items():
            if name == step:
                was_killed = killed(cluster, do, workload, after)
                if not was_killed:
                    break
            do(workload)
        if not was_killed:
            break
        assert cluster.data() == NEW
        assert (cluster.replicas, cluster.phase) == (3, "verified")
    assert after > 1


@pytest.mark.parametrize("jobs_go_on", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_way_back_is_killed_and_tried_again(make, steps, jobs_go_on):
    """Once and twice: the DAG tries it three times."""
    for after in itertools.count():
        cluster, workload = make(jobs_go_on=jobs_go_on)
        for do in list(STEPS.values())[:steps]:
            do(workload)
        if not killed(cluster, roll_back, workload, after):
            break
        killed(cluster, roll_back, workload, after // 2)
        roll_back(workload)
        assert_old(cluster)
    assert after > 1


@pytest.mark.parametrize("step", ["stop", "fill", "start"])
def test_a_task_of_a_verified_run_that_is_cleared_changes_nothing(make, step):
    cluster, workload = make()
    for do in STEPS.values():
        do(workload)
    with pytest.raises(WorkloadError, match="trigger a new run"):
        STEPS[step](workload)
    STEPS["verify"](workload)
    roll_back(workload)
    assert cluster.data() == NEW
    assert (cluster.replicas, cluster.phase) == (3, "verified")


@pytest.mark.parametrize("step", ["fill", "start", "verify"])
def test_a_single_task_of_a_run_that_was_rolled_back_is_refused(make, step):
    cluster, workload = make()
    for name in ("stop", "fill", "start"):
        STEPS[name](workload)
    roll_back(workload)
    with pytest.raises(WorkloadError, match="rolled back.*clear stop_members, too"):
        STEPS[step](workload)
    assert_old(cluster)


def test_a_run_that_was_rolled_back_can_be_done_again_from_the_stop_on(make):
    cluster, workload = make()
    for name in ("stop", "fill", "start"):
        STEPS[name](workload)
    roll_back(workload)
    for do in STEPS.values():
        do(workload)
    assert cluster.data() == NEW
    assert (cluster.replicas, cluster.phase) == (3, "verified")
