"""What image/Containerfile installs, installed into an empty tree, runs the steps: no registry is at hand."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from airflow_provider_stash.exceptions import WrongRepositoryPasswordError
from airflow_provider_stash.kubernetes.record import read_record
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.credentials import etcd_secret, etcd_settings, repository_settings
from testbed.etcd_cluster import EtcdCluster

ROOT = Path(__file__).parents[3]
NOBODY = 65532


def instructions():
    """Give the Containerfile's instructions: name and words."""
    text = (ROOT / "image" / "Containerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest


def inside(tree, path):
    return tree / path.lstrip("/")


@pytest.fixture(scope="module")
def place():
    """A directory that another user may look into."""
    with tempfile.TemporaryDirectory(prefix="stash-image-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(scope="module")
def tree(place):
    """Follow the Containerfile: its copies, its pip; Debian's packages are where the tests' own are."""
    tree = place / "root"
    tree.mkdir()
    for name, rest in instructions():
        words = shlex.split(rest)
        if name == "COPY":
            *sources, target = words
            into = inside(tree, target)
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    into.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, into)
        elif name == "RUN" and words[0] in {"pip", "python3"}:
            program, *words = words[: words.index("&&") if "&&" in words else None]
            command = [inside(tree, word) if word.startswith("/") else word for word in words]
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*(pip if program == "pip" else [python()]), *command], check=True)
    return tree


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), size=1, tls=True, password="etcd-password") as cluster:
        cluster.fill(50)
        yield cluster


def python():
    """Give an interpreter like the image's: without this environment's packages, and one that others may run."""
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    return str(system) if system.exists() else sys._base_executable


class Container:
    """Runs steps as the image does: its environment alone, as its user."""

    def __init__(self, tree, directory):
        self.tree, self.directory = tree, directory
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name, rest in instructions():
            if name == "ENV":
                key, _, value = rest.partition("=")
                self.env[key] = str(inside(tree, value))

    def run(self, step, text, credentials):
        (entry,) = (json.loads(rest) for name, rest in instructions() if name == "ENTRYPOINT")
        ids = (
            {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
            if os.geteuid() == 0 and python().startswith("/usr")
            else {}
        )
        done = subprocess.run(
            [python(), "-S", *entry[1:], step, text], env={**self.env, "STASH_CREDENTIALS": str(credentials)},
            capture_output=True, text=True, check=False, timeout=120, cwd="/", **ids,
        )  # fmt: skip
        assert done.stderr == ""
        return read_record(done.stdout.splitlines()[-1])


def test_a_job_compiles_nothing(tree):
    sources = list(inside(tree, "/opt/stash/airflow_provider_stash").rglob("*.py"))
    assert sources
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    for source in sources:
        assert (source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").exists(), source


@pytest.fixture
def container(tree, place):
    home = place / "home"
    home.mkdir()
    home.chmod(0o777)
    return Container(tree, home)


def mounted(directory, password, etcd):
    for name, secret in (("repository", {"RESTIC_PASSWORD": password.encode()}), ("etcd", etcd_secret(etcd))):
        (directory / name).mkdir(parents=True, exist_ok=True)
        for key, value in secret.items():
            (directory / name / key).write_bytes(value)
    return directory


def test_the_programs_are_those_of_the_packages():
    (apt,) = (rest for name, rest in instructions() if name == "RUN" and "apt-get install" in rest)
    assert {"restic", "etcd-client", "etcd-server"} <= set(apt.split())
    user = next(rest for name, rest in instructions() if name == "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a name would not do for runAsNonRoot"


def test_no_room_is_missing():
    copied = [word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]]
    rooms = {Path(word).stem for word in copied if word.startswith("airflow_provider_stash/")}
    imported = set()
    for word in copied:
        for file in [ROOT / word] if word.endswith(".py") else (ROOT / word).rglob("*.py"):
            # What is for type checkers alone is not imported when it runs.
            text = re.sub(r"^if TYPE_CHECKING:\n(?:(?: .*)?\n)+", "", file.read_text(), flags=re.MULTILINE)
            imported |= set(
                re.findall(r"^\s*(?:from|import) airflow_provider_stash\.(\w+)", text, re.MULTILINE)
            )
    assert len(imported) > 4
    assert imported <= rooms


def test_the_steps_run_from_the_tree(container, etcd, place):
    repository = Repository(str(container.directory / "r"), "")
    config = etcd.config()
    credentials = mounted(place / "credentials", "repository-password", config)

    def step(name, **arguments):
        request = {
            "arguments": arguments,
            "etcd": etcd_settings(config),
            "repository": repository_settings(repository),
        }
        return container.run(name, json.dumps(request), credentials)

    assert step("initialize")["created"] is True
    assert step("wait_for_health", timeout=30)["alarms"] == []
    backed_up = step("back_up", hash_kv=True)
    assert backed_up["keyCount"] == 50
    assert step("back_up", temp_dir={"path": None, "size_limit": None})["keyCount"] == 50
    assert len(step("apply_retention", policy={"keep_last": 1, "prune": True})["removed"]) == 1
    assert step("check_integrity", read_data=True)["integrity"] is True
    assert step("repository_status", integrity=True)["snapshotCount"] == 1
    snapshot = step("resolve_snapshot")
    assert snapshot["revision"] == backed_up["revision"]
    how = {
        "key": "k",
        "checked": {"warnings": [], "etcdTool": None, "etcdToolVersion": None},
        "keep_file": False,
        "fetch": {},
    }
    plan = step("fetch_snapshot", snapshot=snapshot, **how)
    assert plan["rehearsal"]["revision"] == backed_up["revision"]
    assert plan["keyCount"] == 50
    mounted(place / "credentials", "wrong", config)
    with pytest.raises(WrongRepositoryPasswordError):
        step("check_integrity")
