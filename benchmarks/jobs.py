"""A backup session's steps in the worker, as a Job each, and in one Job: seconds, and calls of the Kubernetes API.

The cluster is that of KUBECONFIG, else kubesim, whose Pods start faster than a real one's.

Run: .venv/bin/python -m benchmarks.jobs [--times 3]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restic import (
    ResticCheckOperator,
    ResticForgetOperator,
    ResticStatusOperator,
)
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator
from tests.kubernetes.jobs.conftest import Cluster, Run, role, settings_of_jobs
from tests.kubesim import Kubesim

POLICY = {"keepLast": 3}


@contextlib.contextmanager
def a_cluster(directory: Path) -> Iterator[Any]:
    """Give a namespace with an etcd and a claim for the repository."""
    with contextlib.ExitStack() as stack:
        given = os.environ.get("KUBECONFIG")
        kubeconfig = Path(given) if given else stack.enter_context(Kubesim(directory / "kubesim")).kubeconfig
        with Cluster.of(kubeconfig, directory) as cluster:
            yield cluster


def steps(place: Any) -> list[Any]:
    """Give the operators of a session, a task each."""
    return [
        EtcdBackupOperator(task_id="backup", wait_timeout=300, create=True, execution=place),
        ResticForgetOperator(task_id="forget", execution=place, retention_policy=POLICY),
        ResticCheckOperator(task_id="check", execution=place, measure=True, forget_task_id="forget"),
        ResticStatusOperator(
            task_id="status", execution=place, check_task_id="check", forget_task_id="forget"
        ),
    ]


def one(place: Any) -> list[Any]:
    """Give the operator of a session in one task."""
    return [EtcdBackupSessionOperator(task_id="session", execution=place, retention_policy=POLICY)]


def count_calls() -> Counter[str]:
    """Count the calls of the Kubernetes client from now on, by method and kind of object."""
    from kubernetes.client.rest import RESTClientObject

    calls: Counter[str] = Counter()
    plain = RESTClientObject.request

    def request(self: Any, method: str, url: str, *arguments: Any, **keywords: Any) -> Any:
        parts = url.rsplit("/namespaces/", maxsplit=1)[-1].split("?", maxsplit=1)[0].split("/")[1:]
        calls[f"{method} {'/'.join(parts[::2])}"] += 1
        return plain(self, method, url, *arguments, **keywords)

    RESTClientObject.request = request
    return calls


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, a_cluster(Path(directory)) as cluster:
        job = settings_of_jobs()
        os.environ["AIRFLOW_CONN_KUBERNETES_DEFAULT"] = cluster.connection(
            role("airflow-stash-backup")["rules"]
        )
        os.environ["AIRFLOW_CONN_ETCD_DEFAULT"] = cluster.etcd_connection()
        on_claim = cluster.repository("benchmark").connection()
        connections = {
            "worker": json.dumps({**json.loads(on_claim), "host": f"{directory}/r"}),
            "job": on_claim,
        }
        ways = {
            "in the worker": ("worker", steps, "worker"),
            "a Job each": ("job", steps, job),
            "one Job": ("job", one, job),
        }
        calls = count_calls()
        for number in range(options.times + 1):  # the first run makes the repositories
            for name, (connection, operators, place) in ways.items():
                os.environ["AIRFLOW_CONN_RESTIC_DEFAULT"] = connections[connection]
                told = measure(operators(place), calls)
                if number:
                    print(f"{name:<14} {told}", flush=True)
                    totals.setdefault(name, []).append(told.seconds)
                cluster.wait_clean()
        for name, seconds in totals.items():
            print(f"{name:<14} median {statistics.median(seconds):.1f} s")


class Told:
    """What one session took."""

    def __init__(self, seconds: dict[str, float], calls: Counter[str]) -> None:
        self.seconds = sum(seconds.values())
        self._each, self._calls = seconds, calls

    def __str__(self) -> str:
        each = ", ".join(f"{name} {value:.1f}" for name, value in self._each.items())
        calls = ", ".join(f"{count} {name}" for name, count in sorted(self._calls.items()))
        return f"{self.seconds:.1f} s ({each}); {self._calls.total()} API calls: {calls or 'none'}"


totals: dict[str, list[float]] = {}


def measure(operators: list[Any], calls: Counter[str]) -> Told:
    """Run operators one after another."""
    run, seconds = Run(), {}
    calls.clear()
    for operator in operators:
        begin = time.monotonic()
        run.execute(operator)
        seconds[operator.task_id] = time.monotonic() - begin
    return Told(seconds, Counter(calls))


if __name__ == "__main__":
    main()
