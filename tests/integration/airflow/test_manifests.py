"""The DAGs of Stash's own manifests, by a real Airflow."""

import json
import time

from testbed.etcd_cluster import PASSWORD
from testbed.session import REPOSITORY_PASSWORD

BACKUP, RESTORE = "stash.demo.backupconfiguration.etcd-backup", "stash.demo.restoresession.etcd-restore"
BATCH = "stash.demo.backupbatch.both"


def test_the_guides_backup_and_restore_and_no_secret_is_kept(airflow, cluster, manifests):
    airflow.wait_for_dag(BACKUP)
    before = cluster.all_keys()
    run_id, state = airflow.run_dag(BACKUP)
    assert state == "success", airflow.logs(BACKUP, run_id)
    backup = airflow.result(BACKUP, run_id, "backup")
    assert backup["keyCount"] == 1000
    assert (manifests.parent / "backend" / "etcd" / "config").is_file()
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


def test_a_batch_goes_on_after_a_member_that_fails_and_fails(airflow):
    airflow.wait_for_dag(BATCH)
    run_id, state = airflow.run_dag(BATCH)
    states = airflow.states(BATCH, run_id)
    assert state == "failed", states
    assert states["first.pre_backup"] == "failed"
    assert states["first.session.backup"] == "upstream_failed"
    assert states["second.session.backup"] == "success"
    assert states["outcome"] == "upstream_failed"
