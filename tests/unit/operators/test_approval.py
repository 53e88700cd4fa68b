import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.operators.approval import RestoreApprovalOperator, TaskApprovalOperator
from airflow_provider_stash.resources.task_plan import TaskPlan
from airflow_provider_stash.steps.plan import count_lost
from tests.unit.steps.test_plan import plan


@pytest.fixture
def asked(monkeypatch):
    """What Airflow is asked to show."""
    shown = []
    monkeypatch.setattr(
        ApprovalOperator, "execute", lambda self, context: shown.append((self.subject, self.body))
    )

    def ask(kind=RestoreApprovalOperator, **given):
        if kind is RestoreApprovalOperator:
            given["plan"] = plan()
            given["plan"]["lost"] = count_lost(given["plan"])
        kind(task_id="approve", etcd_conn_id="etcd_prod", **given).execute({})
        return shown

    return ask


def test_the_headline_tells_cluster_and_loss_and_the_text_the_rest(asked):
    [(subject, body)] = asked()
    assert subject.startswith(
        "Restore etcd cluster etcd_prod? Lost: 100 revisions, all that was written in the last"
    )
    lines = body.splitlines()
    assert lines[0].startswith("- **Lost:** 100 revisions")
    assert [line.split(":**")[0] for line in lines] == [
        f"- **{what}" for what in ("Lost", "Snapshot", "Members", "Watchers", "If it fails")
    ]


def test_nobody_is_asked_where_nobody_wants_to_be_or_on_a_dry_run(asked):
    assert asked(ask="False") == []
    with pytest.raises(AirflowSkipException, match="nothing was stopped"):
        asked(plan_only="True")


def test_of_a_task_of_ones_own_it_is_told_that_there_is_no_way_back(asked):
    task = TaskPlan(
        "mine", {"steps": [{"name": "dump"}, {"name": "update-status"}]}, {}, {"SOURCE_HOSTNAME": "h"}, {}
    )
    with pytest.raises(AirflowSkipException, match="nothing was done"):
        asked(TaskApprovalOperator, task=task, plan_only=True)
    assert asked(TaskApprovalOperator, task=task, ask=False) == []
    [(subject, body)] = asked(TaskApprovalOperator, task=task)
    assert subject.startswith("Restore etcd_prod by the Task mine? Way back: there is none")
    assert body.splitlines()[1:] == [
        "- **Functions:** they run one after another: dump.",
        "- **Snapshots:** the Task's own choice, of the host h.",
    ]
