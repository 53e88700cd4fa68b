"""Backups with hooks around them; the bodies are those of Stash's guide to Slack notifications."""

import os
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_provider_stash.dags import PostHook, etcd_backup_dag
from airflow_provider_stash.operators.hook import StashHookOperator

ALL = """\
{{- $msg := dict  "type" "mrkdwn" "text" (printf "Backup completed for %s/%s Status: %s." .Namespace .Target.Name .Status.Phase) -}}
{
  "blocks": [
      {
        "type": "section",
        "text": {{ toJson $msg }}
      }
    ]
}
"""
FAILED = """\
{{- $msg := dict  "type" "mrkdwn" "text" (printf ":x: Backup failed for %s/%s Reason: %s." .Namespace .Target.Name .Status.Error) -}}
{
  "blocks": [
      {
        "type": "section",
        "text": {{ toJson $msg }}
      }
    ]
}
"""
SESSION = {
    "namespace": "demo",
    "invoker": {"apiGroup": "stash.appscode.com", "kind": "BackupConfiguration", "name": "etcd-backup"},
    "target": {"apiVersion": "appcatalog.appscode.com/v1alpha1", "kind": "AppBinding", "name": "etcd"},
}


def hook(task_id: str, phase: str, path: str, body: str = "{{ .Name }}", policy: str | None = None) -> Any:
    handler = {
        "httpPost": {
            "host": "127.0.0.1",
            "port": int(os.environ["STASH_TEST_WEBHOOK"]),
            "path": path,
            "httpHeaders": [{"name": "Content-Type", "value": "application/json"}],
            "body": body,
        },
        **({"executionPolicy": policy} if policy else {}),
    }
    return StashHookOperator(task_id=task_id, phase=phase, handler=handler, session=SESSION)


def after(path: str) -> list[Any]:
    """The guide's two hooks, and one that tells of retries."""
    return [
        hook("tell", "postBackup", f"{path}/tell", ALL, "Always"),
        hook("tell_failure", "postBackup", f"{path}/failure", FAILED, "OnFailure"),
        hook(
            "tell_final",
            "postBackup",
            f"{path}/final",
            "{{ .RetryLeft }} {{ .Invoker.Kind }}/{{ .Invoker.Name }}",
            "OnFinalRetryFailure",
        ),
        PostHook(EmptyOperator(task_id="of_another_kind"), "OnFailure"),
    ]


settings: dict[str, Any] = {"repository_conn_id": "testbed_repository", "check": False}
good = etcd_backup_dag(
    "backup_told",
    etcd_conn_id="testbed_etcd",
    pre_backup=[hook("before", "preBackup", "/services/good/before")],
    post_backup=after("/services/good"),
    retries=2,
    retry_delay=timedelta(seconds=1),
    **settings,
)
bad = etcd_backup_dag(
    "backup_failed_told",
    etcd_conn_id="testbed_etcd",
    post_backup=after("/services/bad"),
    wait_timeout=1,
    retries=1,
    retry_delay=timedelta(seconds=1),
    **settings,
)
bad.get_task("backup").etcd_conn_id = "nowhere"  # a failure that is worth a retry
refused_before = etcd_backup_dag(
    "backup_refused_before",
    etcd_conn_id="testbed_etcd",
    pre_backup=[hook("before", "preBackup", "/status/500")],
    post_backup=after("/services/never"),
    **settings,
)
refused_after = etcd_backup_dag(
    "backup_refused_after",
    etcd_conn_id="testbed_etcd",
    post_backup=[hook("after", "postBackup", "/status/500")],
    **settings,
)
