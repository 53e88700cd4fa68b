"""The demo: back up a real etcd cluster by Airflow, destroy it, restore it by Airflow, compare every key."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from airflow_provider_stash.steps.results import human_size
from testbed.airflow_api import ADMIN, ADMIN_PASSWORD
from testbed.airflow_home import AirflowHome
from testbed.binaries import find
from testbed.etcd_cluster import EtcdCluster
from testbed.process import Server
from testbed.servers import S3Server
from testbed.session import REPOSITORY_PASSWORD, airflow_for, far_from_now

KEYS = 5000
_BEGIN = time.monotonic()


def say(text: str) -> None:
    """Tell what happens, and when."""
    print(f"[{time.monotonic() - _BEGIN:5.1f} s] {text}", flush=True)


def main() -> int:
    """Run the demo; 0 when every key came back."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--ui", action="store_true", help="leave Airflow's web UI running afterwards")
    parser.add_argument(
        "--s3", action="store_true", help="use a repository on a real S3 server, not on local disk"
    )
    parser.add_argument("--directory", type=Path, default=Path(".demo"), help="where everything goes")
    options = parser.parse_args()
    directory = options.directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    with ExitStack() as stack:
        say(f"Starting three etcd members with TLS and a password ({find('etcd')})")
        cluster = stack.enter_context(EtcdCluster(directory / "etcd"))
        location, keys = str(directory / "repository"), None
        if options.s3:
            say("Starting an S3 server (SeaweedFS)")
            s3 = S3Server(directory / "s3")
            stack.enter_context(s3)
            location, keys = s3.location("etcd-backups", "demo"), s3.keys
        more: dict[str, Any] = {}
        if options.ui:
            say("Starting a second cluster, whose backup somebody has paused")
            payments = stack.enter_context(
                EtcdCluster(directory / "payments", size=1, tls=False, password=None)
            )
            payments.fill(KEYS // 10)
            more = with_payments(payments, directory)
        say("Starting Airflow: API server, scheduler, DAG processor, triggerer")
        airflow = stack.enter_context(airflow_for(cluster, directory, location=location, keys=keys, **more))
        for dag_id in ("etcd_backup", "etcd_restore", *(["etcd_backup_payments"] if options.ui else [])):
            airflow.wait_for_dag(dag_id)
        good = show(cluster, airflow, location)
        if options.ui:
            say(f"Airflow's UI: {airflow.url}  user {ADMIN}, password {ADMIN_PASSWORD}. Ctrl-C ends it.")
            say(f"Is every cluster protected? See Backups: {airflow.url}/plugin/backups")
            wait_for_interrupt(airflow)
    say("PASSED: every key is back." if good else f"FAILED: look at {directory}/airflow/logs")
    return 0 if good else 1


def with_payments(payments: EtcdCluster, directory: Path) -> dict[str, Any]:
    """Give what a second cluster adds to the session's Airflow."""
    repository = {
        "conn_type": "restic",
        "host": str(directory / "payments-repository"),
        "password": REPOSITORY_PASSWORD,
        "extra": {"cache_dir": str(directory / "cache")},
    }
    return {
        "dags": Path(__file__).parent / "demo_dags",
        "schedule": far_from_now(),
        "env": {
            "AIRFLOW_CONN_PAYMENTS_ETCD": payments.connection(),
            "AIRFLOW_CONN_PAYMENTS_REPOSITORY": json.dumps(repository),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    }


def show(cluster: EtcdCluster, airflow: AirflowHome, location: str) -> bool:
    """Back up, destroy, restore, compare; tells whether all keys came back."""
    say(f"Writing {KEYS} keys")
    cluster.fill(KEYS, size=256)
    before = cluster.all_keys()
    say("Running the DAG etcd_backup")
    backup_run, backup_state = airflow.run_dag("etcd_backup")
    if backup_state != "success":
        return failed(airflow, "etcd_backup", backup_run)
    backup = airflow.result("etcd_backup", backup_run, "backup")
    say("Deleting all keys, and killing one member and its data directory")
    cluster.delete()
    # Before the kill: when that is the leader's, etcd refuses reads until there is another.
    left = len(cluster.all_keys())
    lost = cluster.members[1]
    lost.run("kill")
    shutil.rmtree(lost.data_dir)
    say(f"{left} keys are left. Running the DAG etcd_restore")
    restore_run, restore_state = airflow.run_dag("etcd_restore")
    if restore_state != "success":
        return failed(airflow, "etcd_restore", restore_run)
    plan = airflow.result("etcd_restore", restore_run, "fetch_snapshot")
    verified = airflow.result("etcd_restore", restore_run, "verify")
    after = cluster.all_keys()
    same = "all the same" if before == after else "DIFFERENT"
    print_table(
        [
            ("repository", location),
            ("snapshot", f"{plan['snapshot'][:8]} of {plan['time']}"),
            (
                "size",
                f"{human_size(backup['totalSize'])}, {human_size(backup['uploaded'])} new in the repository",
            ),
            ("sha256", f"{plan['sha256'][:16]}…, the same at the backup and at the restore"),
            ("revision", f"{plan['revision']}, restored as {verified['revision']}"),
            ("backup run", seconds(airflow, "etcd_backup", backup_run)),
            ("restore run", seconds(airflow, "etcd_restore", restore_run)),
            (
                "keys before, and after",
                f"{len(before)}, {len(after)}, {same}",
            ),
            ("logs", str(airflow.directory / "logs")),
        ]
    )
    return before == after and plan["sha256"] == backup["sha256"]


def failed(airflow: AirflowHome, dag_id: str, run_id: str) -> bool:
    """Show what a failed run said."""
    say(f"The run of {dag_id} failed: {airflow.states(dag_id, run_id)}")
    print(airflow.logs(dag_id, run_id)[-5000:])
    return False


def seconds(airflow: AirflowHome, dag_id: str, run_id: str) -> str:
    """Give a run's tasks with their seconds."""
    tasks: list[dict[str, Any]] = sorted(
        (one for one in airflow.task_instances(dag_id, run_id) if one["start_date"]),
        key=lambda one: one["start_date"],
    )
    run = airflow.get(f"/dags/{dag_id}/dagRuns/{run_id}")
    steps = ", ".join(f"{one['task_id']} {one['duration'] or 0:.1f}" for one in tasks)
    return f"{run['duration']:.1f} s ({steps})"


def print_table(rows: list[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    print()
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    print(flush=True)


def wait_for_interrupt(airflow: AirflowHome) -> None:
    """Wait until the person has seen enough."""
    servers: list[Server] = airflow.servers
    try:
        while all(server.process and server.process.poll() is None for server in servers):
            time.sleep(1)
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    sys.exit(main())
