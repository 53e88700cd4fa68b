"""A restore into a StatefulSet or a bare Pod whose worker is killed before each single request, on a cluster of plain objects."""

import itertools
from types import SimpleNamespace

import pytest

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.workloads import pod_waits
from airflow_provider_stash.workloads.base import FillRequest, SnapshotSource
from tests.unit.workloads.plain_cluster import KEY, Killed, PodCluster, StatefulSetCluster

REQUEST = FillRequest(None, 1, "t", source=SnapshotSource("0" * 64, {}, {}, "/s", 1, "sha"))
STEPS = {
    "stop": lambda workload: workload.stop(key=KEY),
    "fill": lambda workload: workload.fill(REQUEST, key=KEY),
    "start": lambda workload: workload.start(key=KEY),
    "verify": lambda workload: workload.accept(key=KEY),
}


@pytest.fixture(params=[StatefulSetCluster, PodCluster], ids=["StatefulSet", "Pod"])
def make(request, tmp_path, monkeypatch):
    """Make a cluster, and the workload on it as a new process has it."""
    monkeypatch.setattr("os.fsync", lambda fd: None)  # hundreds of runs, and no power cut
    monkeypatch.setattr(pod_waits, "_POLL", 0.0)
    kind, numbers = request.param, itertools.count()
    workload = kind.kind(name="etcd", namespace="n", api_client=object(), stop_timeout=1, start_timeout=1)

    def one(**given):
        cluster = kind(tmp_path / str(next(numbers)), **given)
        jobs = SimpleNamespace(run=cluster.run_jobs, remove=lambda *_: cluster.request())
        monkeypatch.setattr(kind.module, "call", cluster.call)
        monkeypatch.setattr(kind.kind, "_jobs", lambda *_: jobs)
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
    assert cluster.data() == {"old"}
    assert cluster.whole
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
        assert cluster.data() == {"new"}
        assert (cluster.whole, cluster.phase) == (True, "verified")
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
    assert cluster.data() == {"new"}
    assert (cluster.whole, cluster.phase) == (True, "verified")


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
    assert cluster.data() == {"new"}
    assert (cluster.whole, cluster.phase) == (True, "verified")
