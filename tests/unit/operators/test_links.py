from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time.xcom import XCom

from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.metrics import PushMetricsOperator
from airflow_provider_stash.operators.restic import ResolveSnapshotOperator
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator

pytestmark = pytest.mark.oldest
KEY = SimpleNamespace(dag_id="backup", task_id="g.backup", run_id="r", map_index=-1)


@pytest.fixture
def links(monkeypatch):
    """Give the links of an operator whose task returned this."""

    def links(operator, result):
        monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: result)
        return {link.name: link.get_link(operator, ti_key=KEY) for link in operator.operator_extra_links}

    return links


def test_a_backup_leads_to_its_repository_and_snapshot(links):
    operator = EtcdBackupOperator(task_id="backup")
    assert links(operator, {"snapshot": "ab12"}) == {
        "Repository": "/plugin/backups/stash/repository?dag_id=backup&task_id=backup",
        "Snapshot": "/plugin/backups/stash/repository?dag_id=backup&task_id=backup&snapshot=ab12",
    }
    assert links(operator, None)["Snapshot"] == ""  # it failed
    session = EtcdBackupSessionOperator(task_id="backup")
    assert links(session, {"backup": {"snapshot": "ab12"}})["Snapshot"].endswith("&snapshot=ab12")


def test_below_the_path_of_airflows_base_url(links, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/airflow/")
    found = links(EtcdBackupOperator(task_id="backup"), None)["Repository"]
    assert found.startswith("/airflow/plugin/backups/stash/repository?")


def test_a_restore_leads_to_the_run_that_made_the_snapshot(links):
    operator = ResolveSnapshotOperator(task_id="resolve_snapshot")
    tags = ["etcd-keys=3", "airflow-run=backup/manual__2026-01-01T00:00:00+00:00"]
    assert links(operator, {"tags": tags}) == {
        "Backup run": "/dags/backup/runs/manual__2026-01-01T00%3A00%3A00%2B00%3A00"
    }
    assert links(operator, {"tags": ["by Stash"]}) == {"Backup run": ""}


def push(**given):
    return PushMetricsOperator(
        task_id="push", session="backup", data_task_ids=["b"], host_task_id="b", **given
    )


def test_metrics_lead_to_the_dashboard_else_to_the_pushgateway(links):
    pushed = {"pushedTo": ["/textfiles/x.prom", "http://gateway:9091"]}
    assert links(push(pushgateway_conn_id="p"), pushed) == {"Metrics": "http://gateway:9091"}
    assert links(push(textfile_dir="/t"), {"pushedTo": ["/textfiles/x.prom"]}) == {"Metrics": ""}
    named = push(pushgateway_conn_id="p", dashboard_url="https://grafana/d/airflow-stash-etcd")
    assert links(named, pushed) == {"Metrics": "https://grafana/d/airflow-stash-etcd"}
    assert links(push(pushgateway_conn_id="p", dashboard_url="javascript:x"), None) == {"Metrics": ""}
