"""docs/moving-from-stash.md, followed step by step."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from airflow_provider_stash.resources import load
from airflow_provider_stash.resources.backup import BackupConfiguration
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.repository import Repository
from testbed.binaries import newest_etcd, restics
from testbed.stash_job import PASSWORD
from tests.integration.airflow.moving_page import NAMESPACE, Page
from tests.integration.conftest import check_sha256

RESTORE = f"stash.{NAMESPACE}.restoresession.etcd-restore"
BACKUP = f"stash.{NAMESPACE}.backupconfiguration.etcd-backup"


@pytest.mark.timeout(900)
def test_the_page_is_followed(airflow, cluster, moving, tmp_path):
    page, job, manifests = Page(), moving.job, moving.manifests
    airflow.wait_for_dag(RESTORE)
    airflow.wait_for_dag(BACKUP)
    their_file = check_sha256(job.data / "snapshot.db")

    def stash(*verb, more=""):
        """Give the page's next command of this verb, as it is called here."""
        rest = [str(manifests) if one == "stash/" else one for one in page.follow("airflow", "stash", *verb)]
        return f"stash {shlex.join([*verb, *rest])} {more}"

    # 1: what kubectl gives lies there.
    wanted, *where = page.follow("kubectl", "get")
    assert where == ["-n", NAMESPACE, "-o", "yaml", ">", "stash/demo.yaml".replace("demo", NAMESPACE)]
    kinds = {one["kind"].lower() for one in yaml.safe_load(moving.file.read_text())["items"]}
    assert kinds == set(wanted.split(","))
    snapshot = tmp_path / "snapshot.db"
    commands = [
        stash("render", more="-o json"),
        stash("import", more="--yes -o json"),
        stash("snapshots", "list", more="-o json"),
        stash("check", more="-o json"),
        stash("snapshots", "download", more=f"--destination {snapshot}"),
    ]
    results = airflow.call_all(*commands)
    assert [code for code, _, _ in results] == [0] * len(commands), results
    rendered, imported, listed, (checked,) = (json.loads(out) for _, out, _ in results[:4])
    assert {one["dag"] for one in rendered["dags"]} == {BACKUP, RESTORE}
    assert rendered["refusals"] == []
    assert len(imported) == 2
    assert [(one["hostname"], one["paths"]) for one in listed] == [("host-0", ["/stash-tmp/data"])] * 2
    assert checked["integrity"] is True
    assert check_sha256(snapshot) == their_file
    told = page.follow("etcdutl", "snapshot", "status")
    assert told == ["snapshot.db"]
    subprocess.run([Path(newest_etcd()) / "etcdutl", "snapshot", "status", snapshot], check=True)

    # The Secrets need not lie beside the manifests any more.
    moving.remove_secrets()
    cluster.delete()
    results = airflow.call_all(
        stash("trigger", more="-o json"),
        stash("trigger", more="--yes -o json"),
        stash("trigger", more="-o json"),
    )
    assert [code for code, _, _ in results] == [0, 0, 0], results
    (dry,), (restore,), (backup,) = (json.loads(out) for _, out, _ in results)
    assert airflow.states(RESTORE, dry["run"])["stop_members"] == "skipped"
    assert airflow.states(RESTORE, restore["run"])["stop_members"] == "success"
    assert cluster.all_keys() == moving.keys
    taken = airflow.result(BACKUP, backup["run"], "backup")
    assert taken["keyCount"] == len(moving.keys)
    forget = airflow.result(BACKUP, backup["run"], "forget")
    assert len(forget["kept"]) == 3

    # 7: what the patch makes of the object, this package reads too.
    name, *rest = page.follow("kubectl", "patch", "backupconfiguration")
    moving.patch(json.loads(rest[rest.index("-p") + 1]))
    patched = load(manifests).get(BackupConfiguration, NAMESPACE, name)
    assert patched.spec.paused is True

    # The way back, by Stash's own command.
    assert page.follow("restic", "restore") == ["latest", "--target", "/"]
    assert check_sha256(job.restore("latest")) == taken["sha256"]
    assert page.follow("etcdctl", "snapshot", "restore")[0] == "/stash-tmp/data/snapshot.db"

    repository = Repository(job.location, PASSWORD, no_cache=True, restic=restics()[0])
    assert ensure_repository(repository).version == 1
    results = airflow.call_all(stash("migrate", more="--yes"), stash("migrate", more="--yes -o json"))
    assert [code for code, _, _ in results] == [0, 0], results
    assert ensure_repository(repository).version == 2
    airflow.wait_for_dag(f"restic_migrate_{NAMESPACE}")
    assert page.commands == []
