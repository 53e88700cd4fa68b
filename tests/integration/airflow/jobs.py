"""What an Airflow needs for the DAGs that run Jobs: ``dags_of_jobs``, beside its other DAG files, and their connections."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from airflow_provider_stash.resources.connections import connection_id
from tests.kubernetes.jobs.conftest import ETCD_IMAGE, IMAGE, NOTHING_THERE, settings_of_jobs
from tests.kubernetes.pages import role

OF_BACKUPS, OF_TASK = "by-airflow", "by-task"
"""The DAGs' repositories; a run makes each, and what follows need not take long to open it."""
_HERE = Path(__file__).parent
_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"


def environment(kubernetes, directory):
    """
    Give what the DAGs need, as environment.

    :param kubernetes: the namespace in which the Jobs run.
    :param directory: for the manifests of a Task of one's own.
    """
    manifests = directory / "own_task.yaml"
    manifests.write_text(_own_task(kubernetes))
    settings = {key: value for key, value in asdict(settings_of_jobs()).items() if value is not None}
    own = connection_id("Repository", kubernetes.namespace, "own")
    bundles = [
        {"name": "dags-folder", "classpath": _BUNDLE, "kwargs": {}},
        {"name": "jobs", "classpath": _BUNDLE, "kwargs": {"path": str(_HERE / "dags_of_jobs")}},
    ]
    return {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": kubernetes.connection(
            role("airflow-stash-backup")["rules"] + role("airflow-stash-hooks")["rules"]
        ),
        "AIRFLOW_CONN_ETCD_DEFAULT": kubernetes.etcd_connection(),
        "AIRFLOW_CONN_ETCD_NOWHERE": NOTHING_THERE,
        "AIRFLOW_CONN_RESTIC_DEFAULT": kubernetes.repository(OF_BACKUPS).connection(),
        f"AIRFLOW_CONN_{own.upper()}": kubernetes.repository(OF_TASK).connection(),
        "STASH_TEST_JOB": json.dumps(settings),
        "STASH_TEST_OWN_TASK": str(manifests),
    }


def _own_task(kubernetes):
    """Give the manifests of a Task of one's own, for this namespace."""
    text = (_HERE / "own_task.yaml").read_text()
    put = {
        "NAMESPACE": kubernetes.namespace,
        "ETCD_IMAGE": ETCD_IMAGE,
        "ETCD": kubernetes.etcd,
        "IMAGE": IMAGE,
    }
    return re.sub(rf"\b({'|'.join(put)})\b", lambda match: put[match[1]], text)
