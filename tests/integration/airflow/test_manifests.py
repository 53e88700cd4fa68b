"""The DAGs of Stash's own manifests, by a real Airflow."""

import json
import time

import pytest

from testbed.etcd_cluster import PASSWORD
from testbed.restic_repository import cheapen_key
from testbed.session import REPOSITORY_PASSWORD
from tests.integration.airflow.conftest import wait_for_state

BACKUP, RESTORE = "stash.demo.backupconfiguration.etcd-backup", "stash.demo.restoresession.etcd-restore"
BATCH, RESTORES = "stash.demo.backupbatch.both", "stash.demo.restorebatch.restores"


def test_the_guides_backup_and_restore_and_no_secret_is_kept(airflow, cluster, manifests):
    airflow.wait_for_dag(BACKUP)
    before = cluster.all_keys()
    run_id, state = airflow.run_dag(BACKUP)
    assert state == "success", airflow.logs(BACKUP, run_id)
    backup = airflow.result(BACKUP, run_id, "backup")
    assert backup["keyCount"] == 1000
    repository = manifests.parent / "backend" / "etcd"
    assert (repository / "config").is_file()
    cheapen_key(repository, REPOSITORY_PASSWORD)  # what follows need not take long to open it
    cluster.delete()
    restore_id, state = airflow.run_dag(RESTORE)
    assert state == "success", airflow.logs(RESTORE, restore_id)
    assert cluster.all_keys() == before
    kept = json.dumps([airflow.get(f"/dags/{one}/details") for one in (BACKUP, RESTORE)])
    kept += json.dumps(airflow.get("/connections"))
    for dag_id, one in ((BACKUP, run_id), (RESTORE, restore_id)):
        kept += json.dumps([airflow.task_instances(dag_id, one), airflow.xcoms(dag_id, one)])
        kept += airflow.logs(dag_id, one)
    assert "etcd-appbinding" in kept
    for secret in (PASSWORD, REPOSITORY_PASSWORD):
        assert secret not in kept


def test_a_dag_tells_where_it_comes_from(airflow, manifests):
    airflow.wait_for_dag(BACKUP)
    details = airflow.get(f"/dags/{BACKUP}/details")
    assert details["owners"] == ["demo"]
    tags = {tag["name"] for tag in details["tags"]}
    assert {"namespace:demo", "repository:gcs-repo", "target:etcd-appbinding"} <= tags
    assert str(manifests / "backupconfiguration.yaml") in details["doc_md"]
    assert "name: etcd-backup-3.5.0" in details["doc_md"]


def test_what_is_refused_is_an_import_error_beside_dags_that_load(airflow, manifests):
    airflow.wait_for_dag(BACKUP)
    airflow.parse(BACKUP)  # Airflow forgets errors of files that are no DAG files, until it parses again
    deadline = time.monotonic() + 90
    while True:
        errors = {
            one["filename"]: one["stack_trace"] for one in airflow.get("/importErrors")["import_errors"]
        }
        if len(errors) == 2 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert set(errors) == {str(manifests / "broken.yaml"), str(manifests / "misspelt.yaml")}
    assert (
        "BackupConfiguration demo/broken: spec.driver: is 'VolumeSnapshotter'"
        in errors[str(manifests / "broken.yaml")]
    )
    misspelt = errors[str(manifests / "misspelt.yaml")]
    assert "BackupConfiguration default/misspelt: spec.retentionPolicy.keepLat:" in misspelt
    assert "Is 'keepLast' meant?" in misspelt
    assert airflow.get(f"/dags/{BACKUP}")["has_import_errors"] is False
    assert airflow.get(f"/dags/{BACKUP}")["is_stale"] is False


@pytest.mark.timeout(600)
def test_a_batch_goes_on_after_a_member_that_fails_and_a_batch_of_restores_asks_for_each(
    airflow, cluster, webhook
):
    airflow.wait_for_dag(BATCH)
    before = cluster.all_keys()
    run_id, state = airflow.run_dag(BATCH)
    states = airflow.states(BATCH, run_id)
    assert state == "failed", states
    assert states["first.pre_backup"] == "failed"
    assert states["first.session.backup"] == "upstream_failed"
    assert states["second.session.backup"] == "success"
    assert states["outcome"] == "upstream_failed"

    cluster.delete("/")
    asked = [f"{member}.session.approve" for member in ("here", "elsewhere")]
    run_id = airflow.trigger(RESTORES, {"approval": True})
    for task_id in asked:
        wait_for_state(airflow, RESTORES, run_id, task_id, {"awaiting_input", "deferred"})
    time.sleep(6)  # an answer right after the question can fail the task, says Airflow
    for task_id, answer in zip(asked, ("Approve", "Reject"), strict=True):
        assert airflow.states(RESTORES, run_id)["checked"] is None
        assert told(webhook) == []
        path = f"/dags/{RESTORES}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        airflow.patch(path, {"chosen_options": [answer], "params_input": {}})
        wait_for_state(airflow, RESTORES, run_id, task_id, {"success"})
    assert airflow.wait(RESTORES, run_id) == "success", airflow.logs(RESTORES, run_id)
    states = airflow.states(RESTORES, run_id)
    assert (states["elsewhere.session.stop_members"], states["here.session.verify"]) == ("skipped", "success")
    assert cluster.all_keys() == before
    assert told(webhook) == ["restores begins", "RestoreBatch Succeeded"]


def told(webhook):
    return [asked.body for asked in webhook.asked if asked.path.startswith("/batch/")]
