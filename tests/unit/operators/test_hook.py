import copy
from datetime import datetime, timedelta, timezone

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.log import mask_secret

from airflow_provider_stash.dags import PostHook, etcd_backup_dag
from airflow_provider_stash.exceptions import (
    HookError,
    InvalidConfigurationError,
    WrongRepositoryPasswordError,
)
from airflow_provider_stash.operators.base import StashOperator
from airflow_provider_stash.operators.hook import StashHookOperator
from testbed.webhook import Webhook

BODY = "{{ .Name }} {{ .Namespace }}/{{ .Target.Name }} {{ .Status.Phase }} {{ .Status.Duration }} [{{ .Status.Error }}] {{ .RetryLeft }}"
SESSION = {"namespace": "demo", "target": {"name": "etcd"}}
GOOD = {"before": "success", "backup": "success", "check": "success"}
BAD = {"before": "success", "backup": "failed", "check": "upstream_failed"}


@pytest.fixture
def server():
    with Webhook() as server:
        yield server


def bodies(server):
    return [asked.body for asked in server.asked]


class TaskInstance:
    dag_id, run_id = "nightly", "run-1"

    def __init__(self, states=GOOD, told=None, try_number=1, max_tries=0):
        self.states, self.told, self.pushed = states, told or {}, {}
        self.try_number, self.max_tries = try_number, max_tries

    def get_task_states(self, dag_id, task_ids, run_ids):
        return {run_ids[0]: {one: self.states[one] for one in task_ids}}

    def xcom_pull(self, task_ids, key):
        return self.told.get((task_ids, key))

    def xcom_push(self, key, value):
        self.pushed[key] = value


class Run:
    start_date = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _an_hour_later(monkeypatch):
    later = Run.start_date + timedelta(hours=1, seconds=5)
    monkeypatch.setattr("airflow_provider_stash.operators.hook.now", lambda: later)


def hook(server, phase="postBackup", policy=None, path="/services/secret", **given):
    handler = {"httpPost": {"host": "127.0.0.1", "port": server.server_port, "path": path, "body": BODY}}
    if policy:
        handler["executionPolicy"] = policy
    given = {"data_task_ids": list(GOOD), "host_task_id": "backup", "before_task_ids": ["before"], **given}
    with DAG("nightly", schedule=None):
        EmptyOperator(task_id="backup", retries=3)
        return StashHookOperator(task_id="h", handler=handler, phase=phase, session=SESSION, **given)


def execute(operator, ti):
    return operator.execute({"ti": ti, "dag_run": Run})


def test_after_a_success(server):
    done = execute(hook(server), TaskInstance())
    assert bodies(server) == ["run-1 demo/etcd Succeeded 1h0m5s [] 3"]
    assert done["phase"] == "Succeeded"
    assert done["actions"][0]["status"] == 200


def test_after_a_success_that_took_a_retry(server):
    execute(hook(server), TaskInstance(told={("backup", "attempt"): {"error": None, "retryLeft": 1}}))
    assert bodies(server)[0].endswith("Succeeded 1h0m5s [] 1")


@pytest.mark.parametrize("policy", [None, "Always", "OnFailure", "OnFinalRetryFailure"])
def test_after_a_failure_no_retry_is_left(server, policy):
    told = {("backup", "attempt"): {"error": "no space", "retryLeft": 2}}
    done = execute(hook(server, policy=policy), TaskInstance(BAD, told))
    assert bodies(server) == ["run-1 demo/etcd Failed 1h0m5s [no space] 0"]
    assert done["phase"] == "Failed"


def test_a_failure_of_a_task_that_tells_nothing(server):
    execute(hook(server), TaskInstance(BAD))
    assert "[task backup failed: see its log]" in bodies(server)[0]


def test_a_session_that_something_else_kept_from_beginning(server):
    states = {"backup": "upstream_failed", "check": "upstream_failed"}
    execute(hook(server, data_task_ids=list(states), before_task_ids=()), TaskInstance(states))
    assert "Failed 1h0m5s [what comes before the session failed] 0" in bodies(server)[0]


@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("OnSuccess", BAD),
        ("OnFailure", GOOD),
        ("OnFinalRetryFailure", GOOD),
        ("Always", {"before": "failed", "backup": "upstream_failed", "check": "upstream_failed"}),
        ("Always", {**GOOD, "backup": "skipped"}),
    ],
)
def test_it_is_skipped_by_its_policy(server, policy, states):
    with pytest.raises(AirflowSkipException):
        execute(hook(server, policy=policy), TaskInstance(states))
    assert bodies(server) == []


def test_before_a_session_it_always_runs_and_sees_no_failure(server):
    operator = hook(server, "preBackup")
    assert operator.trigger_rule == TriggerRule.ALL_SUCCESS
    execute(operator, TaskInstance({}))
    assert bodies(server) == ["run-1 demo/etcd Succeeded 1h0m5s [] 3"]


def test_its_failure_is_the_tasks(server):
    with pytest.raises(HookError, match="answered 404"):
        execute(hook(server, path="/status/404"), TaskInstance())


def test_airflow_keeps_and_shows_nothing_of_the_handler(server):
    from airflow.serialization.serialized_objects import DagSerialization

    operator = hook(server)
    assert operator.trigger_rule == TriggerRule.ALL_DONE
    serialized = repr(DagSerialization.to_dict(operator.dag))
    assert "StashHookOperator" in serialized
    assert "secret" not in serialized
    assert "secret" not in repr(operator)


def test_a_copy_does_the_same(server):
    """Airflow copies a DAG's tasks to run a part of it."""
    execute(copy.deepcopy(hook(server)), TaskInstance())
    assert bodies(server) == ["run-1 demo/etcd Succeeded 1h0m5s [] 3"]


def test_jinja_leaves_gos_braces_alone(server):
    assert not set(StashHookOperator.template_fields) & set(vars(hook(server)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"phase": "afterBackup"}, "phase is 'afterBackup': give one of preBackup"),
        ({"handler": {}}, "postBackup: it does nothing"),
        (
            {"handler": {"executionPolicy": "Sometimes"}},
            "postBackup.executionPolicy: 'Sometimes': give one of",
        ),
        (
            {"phase": "preRestore", "handler": {"executionPolicy": "Always"}},
            "preRestore.executionPolicy: a hook before",
        ),
        ({"handler": {"exec": {"command": ["x"]}}}, "postBackup.exec: a command runs in the target's pod"),
        ({"session": {"name": "x"}}, "session.name: unknown field"),
    ],
)
def test_a_mistake_shows_when_the_dag_is_parsed(given, words):
    handler = given.pop("handler", None)
    if handler is None or handler.get("executionPolicy"):
        handler = {"tcpSocket": {"host": "h", "port": 1}, **(handler or {})}
    with pytest.raises(InvalidConfigurationError) as caught:
        StashHookOperator(task_id="h", **{"phase": "postBackup", "handler": handler, **given})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("phase", "place", "words"),
    [
        (
            "postBackup",
            "pre_backup",
            "stands before the session, but its phase is postBackup: give preBackup",
        ),
        (
            "preRestore",
            "post_backup",
            "stands after the session, but its phase is preRestore: give postBackup",
        ),
    ],
)
def test_a_hook_in_the_place_of_another_phase_is_refused(phase, place, words):
    """After a session's hook before it would be skipped, and the backup with it."""
    operator = StashHookOperator(task_id="h", phase=phase, handler={"tcpSocket": {"host": "h", "port": 1}})
    with pytest.raises(InvalidConfigurationError, match=words):
        etcd_backup_dag("d", etcd_conn_id="e", repository_conn_id="r", **{place: [operator]})


def test_a_post_hook_without_a_policy_leaves_the_handlers():
    handler = {"tcpSocket": {"host": "h", "port": 1}, "executionPolicy": "OnFailure"}
    operator = StashHookOperator(task_id="h", phase="postBackup", handler=handler)
    etcd_backup_dag("d", etcd_conn_id="e", repository_conn_id="r", post_backup=[PostHook(operator)])
    assert operator.execution_policy == "OnFailure"


class Failing(StashOperator):
    def run_step(self, context):
        raise WrongRepositoryPasswordError("the password mind-the-gap is wrong")


def test_a_failed_step_tells_hooks_why_without_secrets():
    mask_secret("mind-the-gap")
    ti = TaskInstance(try_number=2, max_tries=3)
    with pytest.raises(AirflowFailException):
        Failing(task_id="f").execute({"ti": ti})
    assert ti.pushed == {"attempt": {"error": "the password *** is wrong", "retryLeft": 2}}


def test_a_first_try_that_does_not_fail_tells_nothing(server):
    ti = TaskInstance({}, max_tries=3)
    execute(hook(server, "preBackup"), ti)
    assert ti.pushed == {}
