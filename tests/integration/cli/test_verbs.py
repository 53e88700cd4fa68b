"""``airflow stash`` on a real repository and Airflow's database; no server of Airflow's runs."""

import contextlib
import json
import os
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from airflow_provider_stash.restic.backup import StdinBackup
from airflow_provider_stash.restic.init import ensure_repository
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.airflow_home import AirflowHome
from testbed.restic_repository import make_repository
from tests.integration.conftest import EDGE_RESTICS

pytestmark = pytest.mark.timeout(600)
PASSWORD, NEW_PASSWORD = "the-repository-password", "another-password"


@dataclass
class Stash:
    """``airflow stash``, and the repository of its connection ``repo``."""

    home: AirflowHome
    repository: Repository

    def __call__(self, *lines):
        """Run command lines of ``airflow``, one after another; give their codes, outputs and errors."""
        results = self.home.call_all(*lines)
        assert PASSWORD not in str(results)
        return results

    def back_up(self, data=b"data"):
        with StdinBackup(self.repository, path="/stash-tmp/data/snapshot.db", host="host-0") as running:
            os.write(running.fd, data)
            return running.commit()

    def ids(self):
        return [one.id for one in sorted(list_snapshots(self.repository), key=lambda one: one.time)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    directory = tmp_path_factory.mktemp("home")
    (directory / "dags").mkdir()
    made = AirflowHome(directory, directory / "dags")
    made.make_database()
    yield made
    made.end_commands()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A repository of format 1, to be copied: making one takes long."""
    place = tmp_path_factory.mktemp("empty") / "repository"
    made = Repository(str(place), PASSWORD, no_cache=True, restic=EDGE_RESTICS[0])
    make_repository(made, version=1)
    return made


@pytest.fixture
def stash(home, empty, tmp_path, monkeypatch):
    repository = replace(empty, location=str(tmp_path / "repository"))
    shutil.copytree(empty.location, repository.location)
    connection = {
        "conn_type": "restic",
        "host": repository.location,
        "password": PASSWORD,
        "extra": {"no_cache": True, "restic_path": repository.restic},
    }
    monkeypatch.setitem(home.env, "AIRFLOW_CONN_REPO", json.dumps(connection))
    return Stash(home, repository)


def test_a_process_of_its_own_gives_json_and_asks(stash):
    stash.back_up()
    listed = stash.home.call("stash", "snapshots", "list", "repo", "--output", "json")
    assert listed.returncode == 0, listed.stderr
    (row,) = json.loads(listed.stdout)
    assert (row["hostname"], row["paths"]) == ("host-0", ["/stash-tmp/data/snapshot.db"])
    asked = stash.home.call("stash", "snapshots", "delete", "repo", row["snapshot"][:8], stdin="no\n")
    assert asked.returncode == 3, asked.stderr
    assert stash.ids() == [row["snapshot"]]


def test_the_care_of_a_repository(stash, tmp_path):
    first = stash.back_up(os.urandom(1 << 16))
    stash.back_up(b"x" * (1 << 20))
    before = stash.ids()
    (tmp_path / "there.db").write_text("mine")
    results = stash(
        "stash check repo --read-data -o json",
        "stash status repo -o json",
        "stash migrate repo",
        "stash migrate repo --yes --compress -o json",
        f"stash snapshots delete repo {first.snapshot_id[:8]} --yes --prune -o json",
        "stash rebuild-index repo --yes -o yaml",
        "stash unlock repo -o json",
        "stash prune repo --dry-run -o json",
        f"stash snapshots download repo latest --destination {tmp_path}/there.db",
        f"stash snapshots download repo latest --destination {tmp_path}/new.db",
    )
    # What was backed up here is no etcd snapshot: its last 32 bytes are not its sha256.
    assert [code for code, _, _ in results] == [0, 0, 3, 0, 0, 0, 0, 0, 1, 1], results
    check, status, _, migrate, delete, rebuilt, unlock, prune = (out for _, out, _ in results[:8])
    assert rebuilt.startswith("- connection: repo\n  duration: ")
    errors = [error for _, _, error in results]
    assert json.loads(check)[0]["integrity"] is True
    assert json.loads(status)[0]["snapshotCount"] == 2
    assert "there is nobody to ask" in errors[2]
    assert json.loads(migrate)[0]["migrated"] is True
    assert ensure_repository(stash.repository).version == 2
    assert "no errors were found" in errors[3]  # progress
    assert json.loads(delete)[0]["snapshot"] == before[0]
    assert stash.ids() == before[1:]
    assert "Freed 6" in errors[4]
    assert json.loads(unlock) == []
    assert json.loads(prune)[0]["freed"] == 0
    assert "is there already" in errors[8]
    assert (tmp_path / "there.db").read_text() == "mine"
    assert "sha256" in errors[9]
    assert not (tmp_path / "new.db").exists()
    assert not list(tmp_path.glob(".stash-download-*"))


def test_damage_wrong_passwords_and_unknown_names_have_codes(stash, home, monkeypatch):
    stash.back_up()
    connection = json.loads(home.env["AIRFLOW_CONN_REPO"])
    monkeypatch.setitem(home.env, "AIRFLOW_CONN_WRONG", json.dumps({**connection, "password": "quite-wrong"}))
    monkeypatch.setitem(home.env, "AIRFLOW_CONN_NONE", json.dumps({**connection, "host": "/nowhere/at/all"}))
    for pack in Path(stash.repository.location, "data").glob("*/*"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes() + b"more")
    results = stash(
        "stash check repo -o json", "stash check wrong", "stash key list none", "stash check nothing",
        "stash trigger nothing",
    )  # fmt: skip
    assert [code for code, _, _ in results] == [4, 12, 10, 1, 1], results
    assert json.loads(results[0][1])[0]["integrity"] is False
    for _, _, error in results[1:]:
        assert error.splitlines()[-1].startswith("airflow stash: ")
        assert "Traceback" not in error


def test_passwords(stash, home, tmp_path):
    """The connection is in Airflow's database here."""
    second, third = tmp_path / "second", tmp_path / "third"
    second.write_text(f"{NEW_PASSWORD}\n")
    third.write_text("the-third-password")
    extra = json.dumps({"no_cache": True, "restic_path": stash.repository.restic}, separators=(",", ":"))
    results = stash(
        f"connections add stored --conn-type restic --conn-host {stash.repository.location} "
        f"--conn-password {PASSWORD} --conn-extra '{extra}'",
        f"stash key add stored --new-password-file {second} --user somebody -o json",
        "stash key list stored -o json",
    )
    assert [code for code, _, _ in results] == [0, 0, 0], results
    other = next(key for key in json.loads(results[2][1]) if not key["current"])
    assert other["user"] == "somebody"
    assert json.loads(results[1][1]) == [other]
    results = stash(
        f"stash key remove stored {other['id'][:8]} --yes -o json",
        f"stash key update stored --new-password-file {third} --yes -o json",
        "stash key list stored -o json",
        "stash key remove stored ffffffff --yes",
    )
    assert [code for code, _, _ in results] == [0, 0, 0, 1], results
    (left,) = json.loads(results[2][1])
    assert left["current"]  # the database has the new password
    assert [json.loads(out) for _, out, _ in results[:2]] == [[other], [left]]
    assert NEW_PASSWORD not in str(results)
    with contextlib.closing(sqlite3.connect(home.directory / "airflow.db")) as database:
        events = {event for (event,) in database.execute("select event from log")}
    assert {"cli_add", "cli_remove", "cli_update"} <= events  # the audit log


def test_import_and_render(stash, tmp_path):
    guide = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"
    secret = tmp_path / "secret.yaml"
    secret.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: gcs-secret, namespace: demo}\n"
        "stringData: {RESTIC_PASSWORD: a-password-of-restic, GOOGLE_PROJECT_ID: my-project}\n"
        "---\napiVersion: stash.appscode.com/v1alpha1\nkind: Repository\nmetadata: {name: rest, namespace: demo}\n"
        "spec: {backend: {rest: {url: 'https://bob:hunter2@host/r'}, storageSecretName: gcs-secret}}\n"
        + "".join(
            "---\napiVersion: appcatalog.appscode.com/v1alpha1\nkind: AppBinding\n"
            f"metadata: {{name: {name}, namespace: demo}}\nspec: {{type: {name}, clientConfig: {{url: 'http://h'}}}}\n"
            for name in ("etcd", "postgres")
        )
    )
    backup = guide / "backupconfiguration.yaml"
    misspelt = tmp_path / "misspelt.yaml"
    misspelt.write_text(
        backup.read_text().replace("name: etcd-backup\n", "name: wrong\n").replace("keepLast", "keepLost")
    )
    results = stash(
        f"stash import {guide} {secret}",
        f"stash import {guide} {secret} --yes -o json",
        f"stash import {guide} {secret} --yes -o json",
        f"stash render {backup} {guide}/repository.yaml {guide}/appbinding.yaml -o json",
        f"stash render {backup} {misspelt} {guide}/repository.yaml {guide}/appbinding.yaml",
        "connections get stash_repository__demo__gcs_repo -o json",
    )
    assert [code for code, _, _ in results] == [3, 0, 0, 0, 1, 0], results
    assert json.loads(results.pop()[1])[0]["password"] == "a-password-of-restic"
    assert "a-password-of-restic" not in str(results)
    assert "hunter2" not in str(results)
    assert "so no connection is made of: AppBinding demo/postgres." in results[0][2]
    added = {row["connection"]: row for row in json.loads(results[1][1])}
    assert set(added) == {
        "stash_appbinding__demo__etcd",  # no session names it, nor the next
        "stash_repository__demo__rest",
        "stash_appbinding__demo__etcd_appbinding",
        "stash_repository__demo__gcs_repo",
    }
    assert added["stash_repository__demo__rest"]["host"] == "rest:https://host/r"
    assert {row["action"] for row in added.values()} == {"added"}
    assert {row["action"] for row in json.loads(results[2][1])} == {"same"}
    (dag,) = json.loads(results[3][1])["dags"]
    assert dag["dag"] == "stash.demo.backupconfiguration.etcd-backup"
    assert {"backup", "forget", "check"} <= {task["task"] for task in dag["tasks"]}
    places = {field["field"]: field["place"] for field in dag["fields"]}
    assert places["spec.schedule"] == "the DAG's schedule"
    assert "keepLost" in results[4][2]
    assert "task forget" in results[4][1]
