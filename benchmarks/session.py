"""A whole backup run and restore run of a near-empty three-member cluster by a real Airflow, task by task.

Beside it, restic's part: the same commands one after another, without Airflow. Of a near-empty repository restic reads
little: each start takes what it once thought right for the key (half a second of a processor), and 0.2 s for a lock.

Run: .venv/bin/python -m benchmarks.session [--times 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.common import newest_etcd
from testbed.airflow_home import AirflowHome
from testbed.etcd_cluster import EtcdCluster
from testbed.session import REPOSITORY_PASSWORD, airflow_for

IDLE = "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    for name, env in (("Airflow's default settings", {}), ("scheduler_idle_sleep_time 0.1", {IDLE: "0.1"})):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            place = Path(directory)
            with EtcdCluster(place / "etcd", binaries=newest_etcd()) as cluster:
                cluster.fill(100)
                tools = newest_etcd()
                with airflow_for(
                    cluster, place, location=str(place / "r"), etcd_tools=tools, env=env
                ) as airflow:
                    airflow.wait_for_dag("etcd_backup")
                    airflow.wait_for_dag("etcd_restore")
                    airflow.run_dag("etcd_backup")  # makes the repository
                    print(f"\n{name}")
                    for dag_id in ("etcd_backup", "etcd_restore"):
                        runs = [measure(airflow, dag_id) for _ in range(options.times)]
                        each = ", ".join(f"{one:.1f}" for one in runs)
                        print(f"  {dag_id}: median {statistics.median(runs):.1f} s ({each})", flush=True)
                    bare = [measure_restic(place / "r", place / "cache") for _ in range(options.times)]
                    print(
                        f"  restic's part of a backup, bare: median {statistics.median(bare):.1f} s",
                        flush=True,
                    )


def measure(airflow: AirflowHome, dag_id: str) -> float:
    """Run a DAG, print its tasks' seconds, and give the run's."""
    run_id, state = airflow.run_dag(dag_id)
    if state != "success":
        raise SystemExit(f"{dag_id} {run_id} {state}: {airflow.logs(dag_id, run_id)[-3000:]}")
    run = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}")
    tasks = [one for one in airflow.task_instances(dag_id, run_id) if one["start_date"]]
    steps = ", ".join(
        f"{one['task_id']} {one['duration'] or 0:.1f}"
        for one in sorted(tasks, key=lambda one: one["start_date"])
    )
    print(f"    {run['duration']:.1f} s: {steps}", flush=True)
    return float(run["duration"])


def measure_restic(repository: Path, cache: Path) -> float:
    """Run the commands of a backup run, in their order; the last two side by side, as the check step does."""
    env = {
        **os.environ,
        "RESTIC_REPOSITORY": str(repository),
        "RESTIC_PASSWORD": REPOSITORY_PASSWORD,
        "RESTIC_CACHE_DIR": str(cache),
    }
    begin = time.monotonic()
    for command in ("backup --stdin", "forget --host host-0 --keep-last 5"):
        _wait(_restic(command, env))
    for process in [_restic(command, env) for command in ("check", "stats --mode raw-data --no-lock")]:
        _wait(process)
    return time.monotonic() - begin


def _restic(command: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with Path(__file__).open("rb") as something:
        return subprocess.Popen(
            ["restic", *command.split()], env=env, stdin=something, stdout=subprocess.DEVNULL
        )


def _wait(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise SystemExit(f"{process.args!r} ended with {process.returncode}")


if __name__ == "__main__":
    main()
