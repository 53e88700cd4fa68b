"""The restore's tasks, each killed in its middle, by a worker that is lost or by hand; then tried again, or taken back."""

import itertools
import secrets
import signal
from dataclasses import replace

import pytest

from airflow_provider_stash.dags import etcd_restore_dag
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.workloads.base import restore_key
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.etcd_access import PASSWORD
from testbed.process import wait_until
from tests.kubernetes.pages import role
from tests.kubernetes.restore.conftest import Namespace
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet
from tests.kubernetes.restore.run import Run

pytestmark = pytest.mark.timeout(600)
JOB = KubernetesJob(kubernetes_conn_id="cluster", poll_interval=1.0, startup_timeout=60.0)


GUIDES = {"basic-auth": {"password": PASSWORD}, "TLS": {"tls": True}}
BASIC_AUTH = pytest.mark.parametrize("cluster", ["basic-auth"], indirect=True)


@pytest.fixture(scope="module", params=GUIDES)
def cluster(request, admin, kubeconfig, tmp_path_factory):
    """The StatefulSet of one of Stash's guides, in a namespace of its own."""
    place = Namespace(admin, kubeconfig, tmp_path_factory.mktemp("accounts"))
    etcd = EtcdStatefulSet(place.api, place.name, tmp_path_factory.mktemp("etcd"), **GUIDES[request.param])
    etcd.start()
    etcd.place = place
    yield etcd
    place.core.delete_namespace(place.name)


@pytest.fixture
def restore(cluster, restore_of):
    return restore_of(cluster.place, StatefulSetWorkload(name="etcd"), role("airflow-stash-restore")["rules"])


@pytest.fixture
def etcd(cluster, connections, restore):
    """100 keys that are backed up, and others that came later."""
    connections(cluster, cluster.place)
    cluster.delete("/")
    cluster.fill(100)
    cluster.backed_up = cluster.all_keys()
    restore.back_up(cluster)
    cluster.delete()
    cluster.fill(5, prefix="/later/")
    return cluster


@pytest.fixture
def new_run(etcd):
    def make():
        arguments = {
            "dag_id": f"restore-{secrets.token_hex(3)}",
            "etcd_conn_id": "etcd",
            "repository_conn_id": "repository",
            "workload": StatefulSetWorkload(name="etcd", job=JOB),
            "execution": JOB,
            "rehearse": False,
        }
        return Run(dag_with_a_slow_proof, arguments)

    return make


class Phases:
    """How the middle of each task is told."""

    def __init__(self, etcd, restore):
        self.etcd, self.restore = etcd, restore

    def down(self):
        return not self.etcd.read().spec.replicas

    def swapped(self):
        return self.restore.workload.record().phase == "swapped"

    def job(self, step):
        return lambda: bool(self.restore.jobs(step))


@pytest.fixture
def phases(etcd, restore):
    return Phases(etcd, restore)


def dag_with_a_slow_proof(**arguments):
    """Make the DAG; its last task takes long enough to be ended in its middle for sure."""
    dag = etcd_restore_dag(**arguments)
    verify = dag.get_task("verify")
    verify.job = replace(JOB, command=("sh", "-c", 'sleep 2; exec "$@"', "-", *JOB.command))
    return dag


def kill(run, task_id, seen, how):
    """Start a task's worker, and end it when its middle is seen; gives its exit code."""
    worker = run.worker(task_id)
    try:
        wait_until(seen, f"{task_id} is in its middle", 90)
    finally:
        getattr(worker, how)()
        worker.join(60)
    return worker.exitcode


def test_a_worker_that_is_lost_in_any_task_and_the_task_tried_again(etcd, new_run, phases):
    run = new_run()
    run.execute("resolve_snapshot")
    for task_id, seen in [
        ("fetch_snapshot", phases.job("check_member")),
        ("fetch_snapshot", phases.job("fetch_snapshot")),
        ("stop_members", phases.down),
        ("fill_members", phases.job("fill_member")),
        ("start_members", phases.job("swap_member")),
        ("start_members", phases.swapped),
        ("verify", phases.job("verify_restore")),
    ]:
        code = kill(run, task_id, seen, "kill")
        run.execute(task_id)
    assert code == -signal.SIGKILL
    assert run.results["verify"]["keyCount"] == 100
    assert etcd.all_keys() == etcd.backed_up
    assert etcd.read().spec.replicas == 3
    # What was verified is neither undone nor repeated, whichever task is cleared.
    for task_id in ("stop_members", "fill_members", "start_members"):
        with pytest.raises(Exception, match="trigger a new run"):
            run.execute(task_id)
    assert run.execute("verify")["keyCount"] == 100
    del run.results["verify"]  # as if it had failed now
    assert not any(one["rolledBack"] for one in run.execute("roll_back")["members"])
    run.execute("clean_up")
    assert etcd.all_keys() == etcd.backed_up


@BASIC_AUTH
def test_a_task_that_is_marked_failed_and_the_old_data_served(etcd, new_run, phases, restore):
    """In the middle of each; the roll-back's own worker is lost in its middle, too, and its retry comes to the end."""
    now, known = etcd.all_keys(), {}
    steps = {
        "fetch_snapshot": phases.job("fetch_snapshot"),
        "stop_members": phases.down,
        "fill_members": phases.job("fill_member"),
        "start_members": phases.job("swap_member"),
        "verify": phases.job("verify_restore"),
    }
    for task_id, seen in steps.items():
        run = new_run()
        run.results |= known  # the plan holds for each of them
        for one in itertools.takewhile(task_id.__ne__, ["resolve_snapshot", *steps]):
            if one not in known:
                run.execute(one)
        code = kill(run, task_id, seen, "terminate")
        wait_until(lambda: not restore.namespace.left(), f"{task_id}, killed, has removed its Jobs", 60)
        if task_id == "start_members":
            kill(run, "roll_back", phases.job("swap_back_member"), "kill")
        back = run.execute("roll_back")
        assert etcd.all_keys() == now
        assert etcd.read().spec.replicas == 3
        if task_id == "fetch_snapshot":
            assert back["members"] == []
            continue
        assert back["healthy"] is True
        record = restore.workload.record()
        assert (record.key, record.phase) == (restore_key(run.dag.dag_id, run.run_id), "rolled-back")
        known = {one: run.results[one] for one in ("resolve_snapshot", "fetch_snapshot")}
    assert code != 0
