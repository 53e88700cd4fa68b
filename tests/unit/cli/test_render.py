import json
from argparse import Namespace
from pathlib import Path

import pytest
import yaml

from airflow_provider_stash.cli.render import render

pytestmark = pytest.mark.oldest
GUIDE = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"


def rendered(capsys, *paths, execution="worker"):
    render(Namespace(paths=list(paths), execution=execution, output="json", verbose=False))
    return json.loads(capsys.readouterr().out)


def test_each_session_with_its_tasks_and_every_field(capsys):
    result = rendered(capsys, GUIDE)
    assert result["refusals"] == []
    dags = {dag["dag"]: dag for dag in result["dags"]}
    assert set(dags) == {
        "stash.demo.backupconfiguration.etcd-backup",
        "stash.demo.restoresession.etcd-restore",
    }
    backup = dags["stash.demo.backupconfiguration.etcd-backup"]
    assert backup["schedule"] == "*/5 * * * *"
    tasks = {task["task"]: task for task in backup["tasks"]}
    assert tasks["backup"] == {
        "task": "backup",
        "operator": "EtcdBackupOperator",
        "after": [],
    }
    fields = {field["field"]: field for field in backup["fields"]}
    assert fields["spec.retentionPolicy.keepLast"] == {
        "field": "spec.retentionPolicy.keepLast",
        "value": 5,
        "place": "task forget",
    }
    assert "not@secret" not in json.dumps(result)


def test_a_refusal_is_told_with_its_place_and_ends_with_1(capsys, tmp_path):
    backup = tmp_path / "backup.yaml"
    backup.write_text((GUIDE / "backupconfiguration.yaml").read_text().replace("keepLast", "keepLost"))
    with pytest.raises(SystemExit) as ended:
        render(Namespace(paths=[str(backup)], execution="worker", output="table", verbose=False))
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert f"{backup}:1: BackupConfiguration demo/etcd-backup: spec.retentionPolicy.keepLost" in error
    assert "keepLast" in error


def test_what_needs_a_cluster_is_shown_where_there_is_one(capsys, tmp_path):
    (tmp_path / "appbinding.yaml").write_text((GUIDE / "appbinding.yaml").read_text())
    backup = yaml.safe_load((GUIDE / "backupconfiguration.yaml").read_text())
    backup["spec"]["hooks"] = {"preBackup": {"exec": {"command": ["program", "s3cret"]}}}
    (tmp_path / "backup.yaml").write_text(yaml.safe_dump(backup))
    result = rendered(capsys, tmp_path, execution="kubernetes")
    assert "pre_backup" in {task["task"] for task in result["dags"][0]["tasks"]}
    assert "s3cret" not in json.dumps(result)
    with pytest.raises(SystemExit):
        rendered(capsys, tmp_path)
    assert "a command runs in the target's pod" in capsys.readouterr().out


def test_a_task_of_ones_own_where_jobs_run(capsys, tmp_path):
    source = (
        (GUIDE / "backupconfiguration.yaml").read_text().replace("etcd-backup-3.5.0", "postgres-backup-11.2")
    )
    (tmp_path / "backup.yaml").write_text(source)
    paths = [tmp_path, GUIDE / "repository.yaml", GUIDE.parent / "guides" / "task-and-functions.yaml"]
    with pytest.raises(SystemExit):
        rendered(capsys, *paths)
    assert json.loads(capsys.readouterr().out)["dags"][0]["tasks"] == []
    (dag,) = rendered(capsys, *paths, execution="kubernetes")["dags"]
    assert (
        next(one for one in dag["tasks"] if one["task"] == "backup")["operator"] == "StashTaskBackupOperator"
    )
    (place,) = [one["place"] for one in dag["fields"] if one["field"] == "spec.task.name"]
    assert place.endswith("one after another, postgres-backup-11-2-0")
