"""
Links of tasks: the repository's page, the snapshot, the run that made it, the metrics.

Airflow asks for them in the worker, when the task has ended. They are paths below the API server's host, so that they
hold by whichever name a person reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

_REPOSITORY = "/plugin/backups/stash/repository"
RUN_TAG = "airflow-run="
"""A snapshot's tag that names DAG and run that made it."""


def _below_base(path: str) -> str:
    """Put a path below that of ``[api] base_url``."""
    from airflow.sdk.configuration import conf

    return urlsplit(str(conf.get("api", "base_url", fallback=""))).path.rstrip("/") + path


def _result(ti_key: TaskInstanceKey) -> Mapping[str, Any]:
    """Give what the task returned, as far as it did."""
    from airflow.sdk.execution_time.xcom import XCom

    value = XCom.get_value(ti_key=ti_key, key="return_value")
    return value if isinstance(value, Mapping) else {}


class RepositoryLink(BaseOperatorLink):
    """To the page of the repository that this backup goes to."""

    name = "Repository"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        asked = {"dag_id": ti_key.dag_id, "task_id": operator.task_id}
        return _below_base(f"{_REPOSITORY}?{urlencode(asked)}")


class SnapshotLink(BaseOperatorLink):
    """To the snapshot that this backup made, on its repository's page."""

    name = "Snapshot"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        result = _result(ti_key)
        snapshot = result.get("backup", result).get("snapshot")  # a whole session's is that of its backup
        if not snapshot:
            return ""
        asked = {"dag_id": ti_key.dag_id, "task_id": operator.task_id, "snapshot": snapshot}
        return _below_base(f"{_REPOSITORY}?{urlencode(asked)}")


class BackupRunLink(BaseOperatorLink):
    """To the run that made the snapshot which is restored."""

    name = "Backup run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        tags = [tag for tag in _result(ti_key).get("tags") or () if tag.startswith(RUN_TAG)]
        if not tags:
            return ""  # Stash's own, or made by hand
        dag_id, _, run_id = tags[0].removeprefix(RUN_TAG).partition("/")
        return _below_base(f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}")


class MetricsLink(BaseOperatorLink):
    """To the dashboard that was named, else to the Pushgateway."""

    name = "Metrics"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        dashboard: str | None = getattr(operator, "dashboard_url", None)
        places = [*([dashboard] if dashboard else []), *(_result(ti_key).get("pushedTo") or ())]
        return next((place for place in places if place.startswith(("http://", "https://"))), "")
