"""
Runs a part of Airflow, such as its scheduler, for tests: what its children import is imported once.

Task processes, and those that parse DAG files, are forks of a part. Each would import the same modules anew, for half a
second of a processor. That they can is told by the tests that run DAGs, and steps, in processes of their own.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

import airflow_provider_stash

_OF_CHILDREN = (
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.processor",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.execution_time.task_runner",
    "grpc",
    "jinja2",
)
_OF_JOBS = ("airflow.providers.cncf.kubernetes.hooks.kubernetes", "kubernetes.client", "kubernetes.config")
_ROOMS = (
    "dags",
    "etcd",
    "hooks",
    "kubernetes",
    "operators",
    "restic",
    "sensors",
    "steps",
    "triggers",
    "workloads",
)


def _import_for_children() -> None:
    from airflow.sdk.listener import get_listener_manager

    jobs = any(name.startswith("AIRFLOW_CONN_KUBERNETES") for name in os.environ)
    for name in _OF_CHILDREN + (_OF_JOBS if jobs else ()):
        importlib.import_module(name)
    for room in _ROOMS:
        package = importlib.import_module(f"{airflow_provider_stash.__name__}.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    get_listener_manager()


def main() -> None:
    """Import, and become ``airflow`` with this program's arguments."""
    from airflow.__main__ import main as airflow

    if sys.argv[1] in {"scheduler", "dag-processor"}:
        _import_for_children()
    airflow()


if __name__ == "__main__":
    main()
