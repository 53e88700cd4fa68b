"""Manifests pointed at real servers, and a process that runs their DAGs."""

import contextlib
import json
from pathlib import Path

import pytest

from airflow_provider_stash.restic.repository import Repository
from testbed.binaries import newest_etcd, restics
from testbed.dag_runs import DagRuns
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository

DAGS = Path(__file__).parent / "dags" / "manifests.py"
PASSWORD = "the-repository-password"


def described(member, start=None):
    return {
        "name": member.name,
        "data_dir": str(member.data_dir),
        "peer_urls": member.peer_url,
        "stop": member.command("stop"),
        "start": start or member.command("start"),
    }


class Stash:
    """A directory of manifests, the clusters that they name, and runs of their DAGs."""

    def __init__(self, runs, directory, workloads):
        self.runs = runs
        self.backend, self.manifests, self.work_dir = (
            directory / one for one in ("backend", "stash", "work")
        )
        self.backend.mkdir()
        self.manifests.mkdir()
        self.work_dir.mkdir()
        make_repository(self.repository)
        (directory / "workloads.json").write_text(
            json.dumps({"workloads": workloads, "work_dir": str(self.work_dir), "etcd_tools": newest_etcd()})
        )
        self.env = {
            "STASH_TEST_MANIFESTS": str(self.manifests),
            "STASH_TEST_WORKLOADS": str(directory / "workloads.json"),
        }

    @property
    def repository(self):
        """Where ``point_repository(..., self.backend)`` leads."""
        return Repository(str(self.backend / "etcd"), PASSWORD, no_cache=True, restic=restics()[0])

    def run(self, dag_id, **conf):
        """Run a DAG; gives its state and its tasks'."""
        return self.runs.run(dag_id, conf, self.env)

    def succeed(self, dag_id, **conf):
        """Run a DAG that must succeed; gives its tasks' states."""
        state, tasks = self.run(dag_id, **conf)
        assert state == "success", f"{tasks} {self.runs.log.read_text()[-5000:]}"
        return tasks


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Makes clusters of one member."""
    with contextlib.ExitStack() as stack:

        def make(name, **given):
            directory = tmp_path_factory.mktemp(name)
            return stack.enter_context(EtcdCluster(directory, size=1, binaries=newest_etcd(), **given))

        yield make


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    with DagRuns(tmp_path_factory.mktemp("runs"), DAGS) as runs:
        yield runs


@pytest.fixture(scope="module")
def serve(runs, tmp_path_factory):
    """Makes a ``Stash``: members by the namespace and name of their AppBinding."""
    return lambda workloads: Stash(runs, tmp_path_factory.mktemp("manifests"), workloads)
