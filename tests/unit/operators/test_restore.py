import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.operators import kubernetes_job, restore
from airflow_provider_stash.operators.restore import (
    FetchSnapshotOperator,
    FillMembersOperator,
    RollBackOperator,
    VerifyRestoreOperator,
)
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload


class Stuck(ProcessWorkload):
    def roll_back(self, *, key):
        raise WorkloadError("Member 'm' still runs.")


def context(**given):
    ti = SimpleNamespace(
        dag_id="d", run_id="manual__1", try_number=1, max_tries=2, xcom_push=lambda **_: None,
        get_task_states=lambda **_: {}, **given,
    )  # fmt: skip
    return {"ti": ti}


def test_members_whose_jobs_have_a_secret_need_no_password_of_the_connection(monkeypatch):
    """Also where it is the kubernetes connection that names the Secret."""
    seen = []
    connection = {"conn_type": "restic", "host": "rest:http://h/r/"}
    monkeypatch.setenv("AIRFLOW_CONN_RESTIC_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(
        restore, "_connected", lambda one: replace(one, job=KubernetesJob(repository_secret="s"))
    )
    monkeypatch.setattr(StatefulSetWorkload, "fill", lambda self, request, *, key: seen.append(request) or [])
    plan = {
        "file": None, "totalSize": 5, "token": "t", "bumpRevision": 0, "snapshot": "0" * 64, "path": "/s", "sha256": "x",
    }  # fmt: skip
    operator = FillMembersOperator(task_id="fill", plan=plan, workload=StatefulSetWorkload(name="etcd"))
    assert operator.execute(context(task_id="fill_members")) == {"members": []}
    (request,) = seen
    assert (request.snapshot_file, request.source.path, request.source.size) == (None, "/s", 5)
    assert request.source.settings["location"] == "rest:http://h/r/"


@pytest.mark.parametrize(("task", "same"), [("verify", False), ("fetch", True)])
def test_a_proof_is_not_taken_over_from_an_earlier_try(monkeypatch, task, same):
    """The run may have been rolled back meanwhile, and restored once more."""
    hook = SimpleNamespace(get_conn=lambda: None, get_namespace=lambda: "n")
    monkeypatch.setattr(kubernetes_job, "KubernetesHook", lambda **_: hook)
    monkeypatch.setattr(kubernetes_job, "job_defaults", lambda hook: {})
    monkeypatch.setattr(kubernetes_job, "Jobs", lambda *_: SimpleNamespace(namespace="n"))
    given = {
        "task_id": task,
        "workload": StatefulSetWorkload(name="etcd"),
        "execution": KubernetesJob(image="i"),
    }
    operator = (
        VerifyRestoreOperator(plan={}, **given)
        if task == "verify"
        else FetchSnapshotOperator(snapshot={}, **given)
    )
    names = []
    for number in (1, 2):
        told = context(task_id=task, map_index=-1)
        told["ti"].try_number = number
        names.append(operator.job_of(told).name)
    assert (names[0] == names[1]) is same


def test_a_way_back_that_fails_says_how_to_go_on():
    members = [ProcessMember("m", "/d", "http://h:2380", ["true"], ["true"])]
    operator = RollBackOperator(task_id="roll_back", verify_task_id="verify", workload=Stuck(members))
    with pytest.raises(WorkloadError, match=r"still runs\. Not all.*clear task roll_back of run manual__1"):
        operator.execute(context(task_id="roll_back"))
