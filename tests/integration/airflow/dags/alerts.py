"""A backup that tells of its failures, and one that has to end by a deadline; each word is a line of a file."""

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.openlineage.utils.selective_enable import enable_lineage
from airflow.sdk import Context, DeadlineAlert, DeadlineReference, SyncCallback
from airflow.sdk.bases.notifier import BaseNotifier

from airflow_provider_stash.dags import backup_watchdog_dag, etcd_backup_dag


class FileNotifier(BaseNotifier):
    """Stands for Slack and the others: a template, rendered, and sent."""

    template_fields = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Context) -> None:
        write(self.text)


def write(text: str, **_: Any) -> None:
    """Send a line; also what a missed deadline calls."""
    with Path(os.environ["STASH_TEST_TOLD"]).open("a") as file:
        file.write(" ".join(text.split()) + "\n")


connections: dict[str, Any] = {"etcd_conn_id": "etcd_prod", "repository_conn_id": "restic_prod"}
backup = etcd_backup_dag(
    "backup",
    wait_timeout=3,
    notify=[FileNotifier("{{ stash.state }} | {{ stash.subject }} | {{ stash.text }}")],
    dag_kwargs={
        "deadline": DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(seconds=1),
            callback=SyncCallback(
                "tests.integration.airflow.dags.alerts.write",
                kwargs={"text": "deadline | the backup takes too long"},
            ),
        )
    },
    **connections,
)
enable_lineage(backup)
forgotten = etcd_backup_dag(
    "forgotten",
    schedule="0 0 1 1 *",
    paused=True,
    dag_kwargs={"start_date": datetime(2020, 1, 1, tzinfo=timezone.utc)},
    **connections,
)
watchdog = backup_watchdog_dag(
    "watchdog",
    schedule=None,
    notify=[FileNotifier("{{ stash.state }} | {{ stash.subject }} | {{ stash.text }}")],
)
