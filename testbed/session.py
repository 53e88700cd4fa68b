"""A cluster, a repository and an Airflow that backs it up and restores it, all of it real."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from testbed.airflow_home import AirflowHome
from testbed.etcd_cluster import EtcdCluster

REPOSITORY_PASSWORD = "test-repository-password"


def far_from_now() -> str:
    """Give a daily schedule that is half a day away: Airflow begins at once with a time that has just passed."""
    then = datetime.now(timezone.utc) + timedelta(hours=12)
    return f"{then.minute} {then.hour} * * *"


def airflow_for(
    cluster: EtcdCluster,
    directory: Path,
    *,
    location: str,
    keys: dict[str, str] | None = None,
    restic: str = "restic",
    pushgateway: str | None = None,
    etcd_tools: str | None = None,
    dags: Path | None = None,
    env: dict[str, str] | None = None,
    prefix: str = "",
    schedule: str | None = None,
    light: bool = False,
) -> AirflowHome:
    """
    Give an Airflow with the DAGs ``etcd_backup`` and ``etcd_restore`` of a cluster.

    :param directory: for its home and its work.
    :param location: of the repository.
    :param keys: the backend's credentials.
    :param pushgateway: address of a Pushgateway.
    :param dags: folder of the DAG files; None: the testbed's.
    :param env: further environment.
    :param prefix: path below which Airflow is served.
    :param schedule: of ``etcd_backup``; None: by hand only.
    :param light: see ``AirflowHome``.
    """
    work = directory / "work"
    work.mkdir(parents=True, exist_ok=True)
    description = directory / "cluster.json"
    members = [
        {
            "name": member.name,
            "data_dir": str(member.data_dir),
            "peer_urls": member.peer_url,
            "stop": member.command("stop"),
            "start": member.command("start"),
        }
        for member in cluster.members
    ]
    description.write_text(
        json.dumps(
            {
                "members": members,
                "work_dir": str(work),
                "etcd_tools": etcd_tools,
                "pushgateway": pushgateway is not None,
                "schedule": schedule,
            }
        )
    )
    extra: dict[str, object] = {"cache_dir": str(directory / "cache"), "restic_path": restic}
    if keys:
        extra["storage_secret"] = keys
    repository = {"conn_type": "restic", "host": location, "password": REPOSITORY_PASSWORD, "extra": extra}
    connections = {
        "AIRFLOW_CONN_TESTBED_ETCD": cluster.connection(),
        "AIRFLOW_CONN_TESTBED_REPOSITORY": json.dumps(repository),
    }
    if pushgateway is not None:
        gateway = {"conn_type": "http", "host": pushgateway}
        connections["AIRFLOW_CONN_TESTBED_PUSHGATEWAY"] = json.dumps(gateway)
    return AirflowHome(
        directory / "airflow",
        dags or Path(__file__).parent / "dags",
        {"STASH_TESTBED_CLUSTER": str(description), **connections, **(env or {})},
        prefix=prefix,
        light=light,
    )
