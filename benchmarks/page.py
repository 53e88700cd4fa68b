"""What the Backups page's overview costs Airflow's API server: backup DAGs with their runs and status events in a database
(docs/backups-page.md). The database is SQLite, and its rows are made up; what is measured is the reading of them.

Run: .venv/bin/python -m benchmarks.page [--dags 300] [--runs 200]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import datetime, timedelta, timezone
from typing import Any

TASKS = ("backup", "forget", "check", "status", "outcome")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dags", type=int, default=300)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        os.environ.update(
            AIRFLOW_HOME=home,
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        )
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL
        )
        warnings.simplefilter("ignore")
        make(options.dags, options.runs)
        measure(options.times)


def make(dags: int, runs: int) -> None:
    """Fill the database: an hourly backup of each cluster."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import insert, select
    from uuid6 import uuid7

    from airflow_provider_stash.dags import etcd_backup_dag

    with create_session() as session:
        session.add(DagBundleModel(name="testing"))
    bag = DagBag(os.devnull, bundle_name="testing", collect_dags=False)
    for number in range(dags):
        bag.bag_dag(
            etcd_backup_dag(
                f"backup_{number}",
                etcd_conn_id=f"etcd_{number}",
                repository_conn_id=f"restic_{number}",
                schedule="@hourly",
                retention_policy={"keepLast": 5},
            )
        )
    begin = time.monotonic()
    sync_bag_to_db(bag, "testing", None)
    print(f"{dags} DAGs made in {time.monotonic() - begin:.1f} s", flush=True)
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    with create_session() as session:
        versions: dict[str, Any] = dict(session.execute(select(DagVersion.dag_id, DagVersion.id)).all())  # type: ignore[arg-type]
        assets: dict[str, int] = dict(session.execute(select(AssetModel.uri, AssetModel.id)).all())  # type: ignore[arg-type]
        for number in range(dags):
            dag_id = f"backup_{number}"
            made, done, told = [], [], []
            for back in range(runs):
                due, run_id = now - timedelta(hours=back), f"scheduled__{back}"
                end = due + timedelta(seconds=40)
                made.append(
                    {"dag_id": dag_id, "run_id": run_id, "run_type": "scheduled", "state": "success", "run_after": due,
                     "start_date": due, "end_date": end, "clear_number": 0}
                )  # fmt: skip
                done += [
                    {"id": uuid7(), "task_id": task, "dag_id": dag_id, "run_id": run_id, "map_index": -1, "state": "success",
                     "start_date": due, "end_date": end, "pool": "default_pool", "pool_slots": 1,
                     "dag_version_id": versions[dag_id]}
                    for task in TASKS
                ]  # fmt: skip
                told.append(
                    {"asset_id": assets[f"x-restic://restic_{number}"], "extra": status(due), "source_dag_id": dag_id,
                     "source_run_id": run_id, "source_task_id": "status", "timestamp": end}
                )  # fmt: skip
            session.execute(insert(DagRun.__table__), made)  # type: ignore[arg-type]
            session.execute(insert(TaskInstance.__table__), done)  # type: ignore[arg-type]
            session.execute(insert(AssetEvent.__table__), told[:24])  # type: ignore[arg-type]
    print(f"{dags * runs} runs, {dags * runs * len(TASKS)} task instances", flush=True)


def status(moment: datetime) -> dict[str, Any]:
    """Give a repository's status as large as a real one's: it lists 100 snapshots."""
    snapshot = {
        "snapshot": "0123456789abcdef" * 4,
        "time": moment.isoformat(),
        "hostname": "host-0",
        "paths": ["/stash-tmp/data/snapshot.db"],
        "tags": [
            "etcd-revision=123456",
            "etcd-keys=1234",
            "etcd-version=3.5.16",
            "airflow-run=backup/scheduled__2026",
        ],
        "totalSize": 123456789,
        "revision": 123456,
    }
    return {"integrity": True, "totalSize": 10**9, "snapshotCount": 100, "snapshots": [snapshot] * 100}


def measure(times: int) -> None:
    """Make the overview again and again, as an administrator sees it."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils.session import create_session

    from airflow_provider_stash.plugins.access import Access
    from airflow_provider_stash.plugins.overview import overview

    create_auth_manager()
    user = SimpleAuthManagerUser(username="admin", role="ADMIN")
    for turn in range(times):
        begin, cpu = time.monotonic(), time.process_time()
        with create_session(scoped=False) as session:
            answer = overview(Access(user, session), session)
        took, used, size = time.monotonic() - begin, time.process_time() - cpu, len(json.dumps(answer))
        print(
            f"{'first' if turn == 0 else 'again'}: {took:.2f} s, {used:.2f} s of CPU, {len(answer['rows'])} rows, {size / 1024:.0f} KiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
