"""The tasks of the restore DAG, one after another, with connections as a user has them."""

from airflow_provider_stash.dags import etcd_restore_dag
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload
from testbed.binaries import newest_etcd
from testbed.etcd_access import PASSWORD
from tests.kubernetes.pages import role
from tests.kubernetes.restore.etcd_in_cluster import EtcdStatefulSet
from tests.kubernetes.restore.run import Run


def shape(value):
    """Give the types of a result's fields."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


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
    common = {
        "dag_id": "restore",
        "etcd_conn_id": "etcd",
        "repository_conn_id": "repository",
        "workload": workload,
    }
    here = {"work_dir": str(tmp_path / "work"), "etcd_tools": newest_etcd()}

    failed = Run(etcd_restore_dag, {**common, **here})
    assert failed.dag.get_task("stop_members").downstream_task_ids >= {"fill_members"}
    failed.execute("resolve_snapshot")
    in_worker = failed.execute("fetch_snapshot")
    assert list((tmp_path / "work").iterdir()) == []  # the members fetch by themselves
    failed.execute("stop_members")
    failed.execute("fill_members")
    failed.execute("start_members")  # and now verify has failed
    back = failed.execute("roll_back")
    assert back["healthy"] is True
    assert [one["rolledBack"] for one in back["members"]] == [True, True, True]
    assert etcd.all_keys() == {}

    # Now with Jobs for the steps that ran in the worker: the same plan, and the same proof.
    job = KubernetesJob(kubernetes_conn_id="cluster", poll_interval=1.0)
    run = Run(etcd_restore_dag, {**common, "execution": job})
    run.execute("resolve_snapshot")
    plan = run.execute("fetch_snapshot")
    assert shape(plan) == shape(in_worker)
    same = (
        "snapshot",
        "sha256",
        "revision",
        "keyCount",
        "totalSize",
        "path",
        "file",
        "repository",
        "warnings",
    )
    assert [plan[name] for name in same] == [in_worker[name] for name in same]
    assert plan["rehearsal"]["revision"] == plan["revision"]
    assert plan["live"]["alive"] == 3
    run.execute("stop_members")
    filled = run.execute("fill_members")["members"]
    assert [one["name"] for one in filled] == ["etcd-0", "etcd-1", "etcd-2"]
    run.execute("start_members")
    assert run.execute("verify")["keyCount"] == 100
    assert etcd.all_keys() == before
    assert run.execute("clean_up")["downloadRemoved"] is False
