"""What the page finds in DAGs as Airflow serializes them."""

import json

import pytest

CODE = """
import json, warnings
warnings.simplefilter("ignore")
from datetime import datetime
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.serialization.serialized_objects import DagSerialization
from airflow_provider_stash.dags import etcd_backup, etcd_backup_dag, etcd_restore, etcd_restore_dag
from airflow_provider_stash.dags.task_restore import TaskRestore, stash_task_restore_dag
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restic import ResticCheckOperator
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator
from airflow_provider_stash.plugins.catalog import read_card
from airflow_provider_stash.resources.task_plan import TaskPlan
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember

pair = {"etcd_conn_id": "e", "repository_conn_id": "r"}
member = ProcessMember(name="m", data_dir="/d", peer_urls="http://m:2380", stop=["true"], start=["true"])
own = TaskPlan("mine", {"steps": []}, {}, {}, {})
dags = {
    "plain": etcd_backup_dag("plain", schedule="@hourly", retention_policy={"keepLast": 5, "prune": True}, **pair),
    "bare": etcd_backup_dag("bare", schedule=None, check=False, hostname="alias", **pair),
    "one_task": etcd_backup_dag("one_task", schedule="@hourly", retention_policy={"keepLast": 5}, one_task=True, **pair),
    "own_task": etcd_backup_dag(
        "own_task", schedule="@hourly", retention_policy={"keepLast": 5}, task=own, execution="kubernetes", **pair
    ),
    "own_restore": stash_task_restore_dag("own_restore", TaskRestore(task=own, execution="kubernetes", **pair)),
    "restore": etcd_restore_dag("restore", workload=ProcessWorkload([member]), **pair),
}
with DAG("groups", schedule="@daily", start_date=datetime(2026, 1, 1)) as dags["groups"]:
    for name in ("a", "b"):
        etcd_backup(name, etcd_conn_id=f"etcd_{name}", repository_conn_id="r", retention_policy={"keepDaily": 1})
with DAG("restores", schedule=None) as dags["restores"]:
    for name in ("a", "b"):
        etcd_restore(name, etcd_conn_id=f"etcd_{name}", repository_conn_id="r", workload=ProcessWorkload([member]))
with DAG("with_form", schedule=None, params={"verify_deeply": False}) as dags["with_form"]:
    etcd_backup("a", **pair)  # its check does not read the param
with DAG("own", schedule=None, params={"verify_deeply": False}) as dags["own"]:
    backup = EtcdBackupOperator(task_id="backup", etcd_conn_id="e", restic_conn_id="r")
    check = ResticCheckOperator(task_id="check", restic_conn_id="r", read_data="{{ params.verify_deeply }}")
    backup >> check >> EmptyOperator(task_id="something_else")
with DAG("by_conf", schedule=None) as dags["by_conf"]:
    EtcdBackupSessionOperator(
        task_id="session", etcd_conn_id="e", restic_conn_id="r", read_data="{{ dag_run.conf.verify_deeply }}"
    )
with DAG("other", schedule=None) as dags["other"]:
    EmptyOperator(task_id="nothing")

found = {}
for name, dag in dags.items():
    data = json.loads(json.dumps(DagSerialization.to_dict(dag), default=str))
    card = read_card(name, data)
    found[name] = {
        "backups": [
            [one.task_id, one.etcd_conn_id, one.restic_conn_id, one.hostname, one.retention_policy,
             one.task_of("ResticCheckOperator"), one.has_outcome, one.one_task]
            for one in card.backups
        ],
        "restores": [
            [one.etcd_conn_id, one.restic_conn_id, one.verify_task_id, one.whole_dag] for one in card.restores
        ],
        "verifies": [one.verifies for one in card.backups],
        "whole_dag": [one.whole_dag for one in card.backups],
        "kinds": len(card.kinds),
        "scheduled": card.scheduled,
    }
print("CARDS" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def cards(in_fresh_airflow):
    return json.loads(in_fresh_airflow(CODE).split("CARDS")[1])


@pytest.mark.oldest
def test_a_backup_dag_tells_its_cluster_repository_and_policy(cards):
    policy = {"keepLast": 5, "prune": True}
    assert cards["plain"]["backups"] == [["backup", "e", "r", "host-0", policy, "check", True, False]]
    assert cards["plain"]["scheduled"] is True


@pytest.mark.oldest
def test_what_a_dag_does_without_is_told_too(cards):
    assert cards["bare"]["backups"] == [["backup", "e", "r", "alias", None, None, True, False]]
    assert cards["bare"]["scheduled"] is False


@pytest.mark.oldest
def test_a_session_in_one_task_is_a_backup_too(cards):
    (found,) = cards["one_task"]["backups"]
    task_id, etcd, restic, hostname, policy, check, has_outcome, one_task = found
    assert (task_id, etcd, restic, hostname) == ("session", "e", "r", "host-0")
    assert (policy["keepLast"], check, has_outcome, one_task) == (5, None, True, True)


@pytest.mark.oldest
def test_a_task_of_ones_own_is_a_backup_too_but_its_restore_restores_no_snapshot_of_choice(cards):
    (found,) = cards["own_task"]["backups"]
    task_id, etcd, restic, hostname, policy, check, has_outcome, one_task = found
    assert (task_id, etcd, restic, hostname) == ("backup", "e", "r", "host-0")
    assert (policy["keepLast"], check, has_outcome, one_task) == (5, "check", True, False)
    assert (cards["own_restore"]["backups"], cards["own_restore"]["restores"]) == ([], [])


@pytest.mark.oldest
def test_groups_in_one_dag_are_backups_of_their_own(cards):
    policy = {"keepDaily": 1}
    assert cards["groups"]["backups"] == [
        ["a.backup", "etcd_a", "r", "host-0", policy, "a.check", True, False],
        ["b.backup", "etcd_b", "r", "host-0", policy, "b.check", True, False],
    ]


@pytest.mark.oldest
@pytest.mark.parametrize(
    ("dag", "verifies", "whole_dag"),
    [
        ("plain", True, True),
        ("one_task", True, True),
        ("own_task", True, True),
        ("bare", False, True),  # it has the field, and no check
        ("groups", False, False),
        ("with_form", False, False),
        ("own", True, False),
        ("by_conf", False, False),
    ],
)
def test_what_the_form_can_have_verified_and_whether_the_dag_does_more(cards, dag, verifies, whole_dag):
    assert set(cards[dag]["verifies"]) == {verifies}
    assert set(cards[dag]["whole_dag"]) == {whole_dag}


@pytest.mark.oldest
def test_a_restore_dag_tells_what_it_restores(cards):
    assert cards["restore"]["restores"] == [["e", "r", "verify", True]]
    assert cards["restore"]["backups"] == []


@pytest.mark.oldest
def test_a_restore_in_a_group_is_proved_by_its_own_task_and_has_no_form_of_its_own(cards):
    assert cards["restores"]["restores"] == [
        ["etcd_a", "r", "a.verify", False],
        ["etcd_b", "r", "b.verify", False],
    ]


@pytest.mark.oldest
def test_a_dag_of_another_kind_has_nothing(cards):
    assert (cards["other"]["kinds"], cards["other"]["backups"], cards["other"]["restores"]) == (0, [], [])
