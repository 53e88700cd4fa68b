"""The tasks of the restore DAG, one after another, with connections as a user has them."""

import json
import secrets
from types import SimpleNamespace

import pytest

from airflow_provider_stash.dags import etcd_restore_dag
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.binaries import newest_etcd
from testbed.etcd_access import PASSWORD
from tests.kubernetes.pages import role
from tests.kubernetes.restore.conftest import IMAGE
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet


def shape(value):
    """Give the types of a result's fields."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


class Run:
    """Stands for a run of the DAG: what its tasks ask of it."""

    def __init__(self, dag):
        self.dag, self.run_id = dag, f"manual__{secrets.token_hex(4)}"

    def execute(self, task_id, **fields):
        task = self.dag.get_task(task_id)
        for name, value in fields.items():  # as templates would have been rendered
            setattr(task, name, value)
        states = {self.run_id: {"verify": "failed"}}
        ti = SimpleNamespace(
            dag_id=self.dag.dag_id, task_id=task_id, run_id=self.run_id, map_index=-1, try_number=1, max_tries=0,
            xcom_push=lambda **_: None, get_task_states=lambda **_: states,
        )  # fmt: skip
        return task.execute({"ti": ti})


@pytest.fixture
def connections(namespace, repository, monkeypatch):
    def set_up(etcd):
        account = namespace.account(role("airflow-stash-restore")["rules"])
        extra = {"kube_config_path": str(account), "namespace": namespace.name, "stash_job": {"image": IMAGE}}
        kubernetes = json.dumps({"conn_type": "kubernetes", "extra": extra})
        location, password = repository.location, repository.password
        restic = json.dumps({"conn_type": "restic", "host": location, "password": password})
        monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", kubernetes)
        monkeypatch.setenv("AIRFLOW_CONN_ETCD", etcd.connection())
        monkeypatch.setenv("AIRFLOW_CONN_REPOSITORY", restic)

    return set_up


def test_the_restore_dag_restores_a_statefulset_and_takes_a_failed_restore_back(
    namespace, connections, repository, restore_of, tmp_path
):
    etcd = EtcdStatefulSet(namespace.api, namespace.name, tmp_path, password=PASSWORD)
    etcd.start()
    etcd.fill(100)
    before = etcd.all_keys()
    connections(etcd)
    workload = StatefulSetWorkload(
        name="etcd", job=KubernetesJob(kubernetes_conn_id="cluster", poll_interval=1.0)
    )
    restore_of(namespace, workload, role("airflow-stash-restore")["rules"]).back_up(etcd)
    etcd.delete()
    (tmp_path / "work").mkdir()
    dag = etcd_restore_dag(
        "restore", etcd_conn_id="etcd", repository_conn_id="repository", workload=workload,
        work_dir=str(tmp_path / "work"),
        etcd_tools=newest_etcd(), rehearse=False,
    )  # fmt: skip
    assert dag.get_task("stop_members").downstream_task_ids >= {"fill_members"}

    failed = Run(dag)
    chosen = failed.execute("resolve_snapshot", snapshot="latest", before="", hostname="host-0")
    plan = failed.execute("fetch_snapshot", snapshot=chosen, bump_revision="auto")
    assert list((tmp_path / "work").iterdir()) == []  # the members fetch by themselves
    failed.execute("stop_members")
    failed.execute("fill_members", plan=plan)
    failed.execute("start_members")  # and now verify has failed
    back = failed.execute("roll_back")
    assert back["healthy"] is True
    assert [one["rolledBack"] for one in back["members"]] == [True, True, True]
    assert etcd.all_keys() == {}

    # Now with Jobs for the steps that went to the worker: the same plan, and the same proof.
    job = KubernetesJob(kubernetes_conn_id="cluster", poll_interval=1.0)
    dag = etcd_restore_dag(
        "restore",
        etcd_conn_id="etcd",
        repository_conn_id="repository",
        workload=workload,
        execution=job,
        rehearse=False,
    )
    run = Run(dag)
    chosen = run.execute("resolve_snapshot", snapshot="latest", before="", hostname="host-0")
    in_worker, plan = plan, run.execute("fetch_snapshot", snapshot=chosen, bump_revision="auto")
    assert shape(plan) == shape(in_worker)
    for name in (
        "snapshot",
        "sha256",
        "revision",
        "keyCount",
        "totalSize",
        "path",
        "file",
        "repository",
        "warnings",
    ):
        assert plan[name] == in_worker[name], name
    assert plan["live"]["alive"] == 3
    run.execute("stop_members")
    assert [one["name"] for one in run.execute("fill_members", plan=plan)["members"]] == [
        "etcd-0",
        "etcd-1",
        "etcd-2",
    ]
    run.execute("start_members")
    assert run.execute("verify", plan=plan)["keyCount"] == 100
    assert etcd.all_keys() == before
    assert run.execute("clean_up")["downloadRemoved"] is False
