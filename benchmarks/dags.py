"""What DAG files cost: the import of the factories, a file of 1,000 backup DAGs, parsed and serialized, and what a
task of it spends on the file when it starts, beside a task of a file of one (docs/backup.md, many clusters).

Run: .venv/bin/python -m benchmarks.dags [--times 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

IMPORT = "import time, airflow.sdk; b = time.process_time(); from airflow_provider_stash.dags import %s; print(time.process_time() - b)"
PARSE = """
import time, airflow.sdk
b = time.monotonic()
from airflow_provider_stash.dags import etcd_backup_dag
dags = [etcd_backup_dag(f"b{n}", etcd_conn_id=f"e{n}", repository_conn_id=f"r{n}", schedule="@hourly",
                        retention_policy={"keepLast": 5}) for n in range(%d)]
parsed = time.monotonic() - b
from airflow.serialization.serialized_objects import DagSerialization
b = time.monotonic()
for dag in dags: DagSerialization.to_dict(dag)
print(parsed, time.monotonic() - b)
"""
TASK = """
import time, airflow.sdk
b = time.monotonic()
from airflow.sdk import get_parsing_context
from airflow_provider_stash.dags import etcd_backup_dag
dags = [etcd_backup_dag(f"b{n}", etcd_conn_id=f"e{n}", repository_conn_id=f"r{n}", schedule="@hourly",
                        retention_policy={"keepLast": 5}) for n in range(%d)
        if get_parsing_context().dag_id in (None, f"b{n}")]
assert len(dags) == 1
print(time.monotonic() - b)
"""


def run(code: str, home: str, **variables: str) -> list[float]:
    """Run code in a fresh process and read the numbers it prints."""
    env = {**os.environ, "AIRFLOW_HOME": home, **variables}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return [float(word) for word in done.stdout.split()[-2:] if word]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--dags", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        for what in ("*", "etcd_backup_dag"):
            imports = [run(IMPORT % what, home)[-1] for _ in range(options.times)]
            print(f"importing {what} adds {statistics.median(imports):.3f} s of CPU to import airflow.sdk")
        runs = [run(PARSE % options.dags, home) for _ in range(options.times)]
        parsed, serialized = zip(*runs, strict=True)
        print(
            f"{options.dags} backup DAGs: parsed in {statistics.median(parsed):.2f} s, serialized in {statistics.median(serialized):.2f} s"
        )
        # As Airflow's task runner sets it for the process of a task.
        turns = [
            [run(TASK % count, home, _AIRFLOW_PARSING_CONTEXT_DAG_ID="b0")[-1] for count in (1, options.dags)]
            for _ in range(options.times)
        ]
        one, many = (statistics.median(times) for times in zip(*turns, strict=True))
        print(
            f"a task's start spends on its file: {one:.3f} s in a file of one, {many:.3f} s in one of {options.dags}"
        )


if __name__ == "__main__":
    main()
