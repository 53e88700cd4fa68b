from datetime import timedelta

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule

from airflow_provider_stash.dags import Metrics, PostHook, etcd_backup, etcd_backup_dag
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators.hook import StashHookOperator

pytestmark = pytest.mark.oldest
CONNECTIONS = {"etcd_conn_id": "e", "repository_conn_id": "r"}


def build(**given):
    return etcd_backup_dag("d", **{**CONNECTIONS, "retention_policy": {"keepLast": 5}, **given})


def edges(dag):
    return {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}


def test_the_order_of_the_steps():
    assert edges(build(metrics=Metrics(pushgateway_conn_id="p"))) == {
        "backup": ["check", "forget"],
        "forget": ["check"],
        "check": ["outcome", "status"],
        "status": ["push_metrics"],
        "outcome": [],
        "push_metrics": [],
    }


def test_what_runs_whatever_happened_hides_no_failure():
    dag = build(metrics=Metrics(textfile_dir="/x"))
    assert dag.get_task("status").trigger_rule == TriggerRule.ALL_DONE
    assert dag.get_task("outcome").trigger_rule == TriggerRule.NONE_FAILED
    push = dag.get_task("push_metrics")
    assert push.is_teardown
    assert push.on_failure_fail_dagrun is False


def test_airflows_settings():
    dag = build(schedule="@hourly", paused=True, timeout=timedelta(hours=1), retries=3, pool="p")
    assert dag.catchup is False
    assert (dag.max_active_runs, dag.is_paused_upon_creation, dag.dagrun_timeout) == (
        1,
        True,
        timedelta(hours=1),
    )
    assert {task.pool for task in dag.tasks if task.task_id in {"backup", "forget", "check"}} == {"p"}
    assert dag.get_task("backup").retries == 3


def test_a_later_run_can_be_skipped_rather_than_queued():
    dag = build(overlap="skip")
    assert dag.max_active_runs > 1
    assert edges(dag)["skip_if_running"] == ["backup"]


def test_the_backup_waits_for_etcd_unless_the_triggerer_does():
    dag = build(wait_timeout=7)
    assert "wait_for_etcd" not in dag.task_ids
    assert dag.get_task("backup").wait_timeout == 7
    dag = build(wait_timeout=7, deferrable=True)
    assert edges(dag)["wait_for_etcd"] == ["backup"]
    wait = dag.get_task("wait_for_etcd")
    assert (wait.timeout, wait.deferrable) == (7, True)
    assert "wait_for_etcd" not in build(deferrable=True, execution="kubernetes").task_ids
    wait = build(pool="p").get_task("wait_for_etcd")
    assert (wait.downstream_task_ids, wait.pool) == ({"backup"}, "default_pool"), (
        "it holds up no other's backup"
    )


@pytest.mark.parametrize("initialize", [True, False])
def test_the_backup_makes_the_repository_unless_it_must_be_there_before(initialize):
    dag = build(initialize=initialize)
    assert "init_repository" not in dag.task_ids
    assert dag.get_task("backup").create is initialize
    assert dag.get_task("status").absent_is_empty is initialize
    dag = build(initialize=initialize, pre_backup=[EmptyOperator(task_id="before")], overlap="skip", pool="p")
    assert edges(dag)["skip_if_running"] == ["init_repository", "wait_for_etcd"]
    assert edges(dag)["init_repository"] == ["before"]
    init = dag.get_task("init_repository")
    assert (init.create, init.pool) == (initialize, "p")


def test_without_retention_and_check():
    assert edges(build(retention_policy=None, check=False))["backup"] == ["outcome", "status"]


def test_tasks_around_the_session():
    before, good, bad = (EmptyOperator(task_id=name) for name in ("before", "good", "bad"))
    dag = build(pre_backup=[before], post_backup=[good, PostHook(bad, "OnFailure")])
    assert edges(dag)["wait_for_etcd"] == ["before", "choose_after_session"]
    assert edges(dag)["before"] == ["backup", "choose_after_session"]
    choose = dag.get_task("choose_after_session")
    assert choose.trigger_rule == TriggerRule.ALL_DONE
    assert choose.policies == {"good": "Always", "bad": "OnFailure"}
    assert choose.session.before_task_ids == ("before",)
    assert choose.session.host_task_id == "backup"
    assert edges(dag)["choose_after_session"] == ["bad", "good"]


def test_hooks_of_stash_decide_by_themselves():
    ping = {"tcpSocket": {"host": "localhost", "port": 1}}
    before = StashHookOperator(task_id="before", phase="preBackup", handler=ping)
    after = StashHookOperator(
        task_id="after", phase="postBackup", handler={**ping, "executionPolicy": "OnFailure"}
    )
    dag = build(pre_backup=[before], post_backup=[after])
    assert "choose_after_session" not in dag.task_ids
    assert after.upstream_task_ids == {
        "wait_for_etcd",
        "init_repository",
        "before",
        "backup",
        "forget",
        "check",
    }
    assert after.trigger_rule == TriggerRule.ALL_DONE
    assert (after.execution_policy, after.tasks.before_task_ids) == ("OnFailure", ("before",))
    assert after.session["target"]["name"] == "e"
    again = StashHookOperator(
        task_id="again", phase="postBackup", handler=ping, session={"namespace": "demo"}
    )
    build(post_backup=[PostHook(again, "OnSuccess")])
    assert (again.execution_policy, again.session) == ("OnSuccess", {"namespace": "demo"})


@pytest.mark.parametrize(
    "given",
    [{"overlap": "wait"}, {"retention_policy": {"keepLat": 1}}, {"retention_policy": {"prune": True}}],
)
def test_a_mistake_shows_when_the_dag_is_parsed(given):
    with pytest.raises(InvalidConfigurationError):
        build(**given)
    with pytest.raises(InvalidConfigurationError):
        PostHook(EmptyOperator(task_id="x"), "Sometimes")


def test_a_group_inside_another_dag():
    with DAG("outer", schedule=None) as dag:
        group = etcd_backup("nightly", retention_policy={"keepLast": 1}, **CONNECTIONS)
        EmptyOperator(task_id="first") >> group
    assert "nightly.backup" in dag.task_ids
    assert dag.get_task("nightly.status").check_task_id == "nightly.check"
    assert dag.get_task("nightly.backup").keep_forever is False
    assert not dag.params


def test_the_form():
    assert set(build().params) == {"tags", "keep_forever", "verify_deeply", "retention"}
    for one_task in (False, True):
        assert set(build(check=False, one_task=one_task).params) == {"tags", "keep_forever", "retention"}


def test_in_one_task():
    hook = EmptyOperator(task_id="before")
    dag = build(
        one_task=True, pre_backup=[hook], metrics=Metrics(pushgateway_conn_id="p"), execution="kubernetes"
    )
    assert edges(dag) == {
        "before": ["session"],
        "session": ["outcome", "push_metrics"],
        "outcome": [],
        "push_metrics": [],
    }
    push = dag.get_task("push_metrics")
    assert push.host_task_id == push.status_task_id == "session"
    assert push.data_task_ids == ["before", "session"]
    assert edges(build(one_task=True, overlap="skip"))["skip_if_running"] == ["session"]


def test_what_would_have_no_effect_is_refused():
    with pytest.raises(InvalidConfigurationError, match="deferrable has no effect"):
        build(one_task=True, deferrable=True)
    with pytest.raises(InvalidConfigurationError, match="'name' is one of the package's own"):
        build(metrics=Metrics(pushgateway_conn_id="p", labels={"name": "x"}))
    with pytest.raises(InvalidConfigurationError, match="Metrics go nowhere"):
        build(metrics=Metrics(labels={"team": "x"}))


def test_every_step_as_a_job():
    dag = build(execution=KubernetesJob(image="i"))
    for task in ("backup", "forget", "check", "status"):
        assert dag.get_task(task).job == KubernetesJob(image="i")
    dag = build(execution=KubernetesJob(image="i"), pre_backup=[EmptyOperator(task_id="before")])
    assert dag.get_task("wait_for_etcd").job == KubernetesJob(image="i")
    with pytest.raises(InvalidConfigurationError, match="execution is 'cloud'"):
        build(execution="cloud")
