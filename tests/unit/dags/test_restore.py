import pytest
from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_provider_stash.dags import Metrics, etcd_restore_dag
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.restore import FetchSnapshotOperator
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload

pytestmark = pytest.mark.oldest
WORKLOAD = ProcessWorkload([ProcessMember("m", "/d", "http://h:2380", ["true"], ["true"])])


def build(**given):
    return etcd_restore_dag("d", etcd_conn_id="e", repository_conn_id="r", workload=WORKLOAD, **given)


def reaches(dag, one, other):
    return other in dag.get_task(one).get_flat_relative_ids(upstream=False)


def test_everything_is_checked_before_anything_is_stopped():
    dag = build()
    order = [
        "resolve_snapshot",
        "fetch_snapshot",
        "approve",
        "fill_members",
        "stop_members",
        "start_members",
        "verify",
    ]
    for one, other in zip(order, order[1:], strict=False):
        assert reaches(dag, one, other), (one, other)


def test_the_way_back_runs_whatever_happened():
    dag = build(metrics=Metrics(textfile_dir="/x"))
    back = dag.get_task("roll_back")
    assert back.is_teardown
    assert back.retries == 2
    for task in ("stop_members", "fill_members", "start_members", "verify"):
        assert reaches(dag, task, "roll_back")
    assert dag.get_task("clean_up").is_teardown
    assert dag.get_task("push_metrics").is_teardown


def test_members_that_can_not_be_filled_while_they_run_are_stopped_first():
    class Other(ProcessWorkload):
        def __post_init__(self):
            object.__setattr__(self, "fills_while_running", False)

    dag = etcd_restore_dag("d", etcd_conn_id="e", repository_conn_id="r", workload=Other(WORKLOAD.members))
    assert reaches(dag, "stop_members", "fill_members")


def test_it_has_no_schedule_and_one_run_at_a_time():
    dag = build(queue="host-a")
    assert dag.schedule is None
    assert dag.max_active_runs == 1
    on_host = {"fetch_snapshot", "fill_members", "stop_members", "start_members", "roll_back", "clean_up"}
    assert {task.task_id for task in dag.tasks if task.queue == "host-a"} >= on_host


def test_tags_of_ones_own_take_none_of_the_packages_away():
    """The command line asks before it triggers what has the tag of a restore."""
    assert set(build(dag_kwargs={"tags": ["prod", "etcd"]}).tags) == {"stash", "restore", "etcd", "prod"}


def test_a_time_out_of_the_run_would_forbid_the_way_back():
    with pytest.raises(InvalidConfigurationError, match="roll-back"):
        build(dag_kwargs={"dagrun_timeout": 5})


def test_the_download_goes_where_the_members_can_take_it_from():
    """Members on this host are filled from a file here, Pods fetch by themselves."""
    job = KubernetesJob(image="i")
    here = build(execution=job)
    assert here.get_task("resolve_snapshot").job == here.get_task("verify").job == job
    assert here.get_task("fetch_snapshot").job is None
    pods = StatefulSetWorkload(name="etcd")
    there = etcd_restore_dag("d", etcd_conn_id="e", repository_conn_id="r", workload=pods, execution=job)
    assert there.get_task("fetch_snapshot").job == job
    with pytest.raises(InvalidConfigurationError, match="fetch: a ProcessWorkload is filled from a file"):
        FetchSnapshotOperator(task_id="fetch", snapshot={}, workload=WORKLOAD, execution=job)


def test_tasks_around():
    before, after = EmptyOperator(task_id="before"), EmptyOperator(task_id="after")
    dag = build(pre_restore=[before], post_restore=[after])
    assert reaches(dag, "approve", "before")
    assert reaches(dag, "before", "stop_members")
    assert reaches(dag, "verify", "after")


def test_the_form():
    dag = build(hostname="host-1", approval=True)
    assert dag.params["hostname"] == "host-1"
    assert dag.params["approval"] is True
    assert set(dag.params) == {
        "snapshot",
        "before",
        "hostname",
        "bump_revision",
        "approval",
        "dry_run",
        "confirm",
    }
    assert "confirm" not in build(confirm=False).params


def test_nothing_begins_before_the_cluster_was_named():
    assert build().get_task("resolve_snapshot")._pre_execute_hook is not None
    assert build(confirm=False).get_task("resolve_snapshot")._pre_execute_hook is None
