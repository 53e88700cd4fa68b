import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.operators.approval import RestoreApprovalOperator
from airflow_provider_stash.steps.plan import count_lost
from tests.unit.steps.test_plan import plan


@pytest.fixture
def asked(monkeypatch):
    """What Airflow is asked to show."""
    shown = []
    monkeypatch.setattr(
        ApprovalOperator, "execute", lambda self, context: shown.append((self.subject, self.body))
    )

    def ask(**given):
        one = plan()
        one["lost"] = count_lost(one)
        RestoreApprovalOperator(task_id="approve", plan=one, etcd_conn_id="etcd_prod", **given).execute({})
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
