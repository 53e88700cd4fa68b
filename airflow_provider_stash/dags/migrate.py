"""The DAG that migrates a repository to restic's format 2 (Stash: ``kubectl stash migrate``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, TriggerRule

from airflow_provider_stash.dags.forms import add_form
from airflow_provider_stash.operators.maintenance import ResticMigrateOperator, ResticPruneOperator
from airflow_provider_stash.operators.restic import ResticCheckOperator, ResticStatusOperator

if TYPE_CHECKING:
    from airflow_provider_stash.kubernetes.job_settings import KubernetesJob


def restic_migrate_dag(
    dag_id: str,
    *,
    repository_conn_id: str,
    lock_timeout: float = 600.0,
    pool: str | None = None,
    execution: KubernetesJob | str | None = None,
    dag_kwargs: Mapping[str, Any] | None = None,
) -> DAG:
    """
    Make the DAG that migrates one repository to format 2, which compresses; it is triggered by hand.

    restic before 0.14, Stash's among them, can't open the repository afterwards. The form offers to compress
    what is there as well, for which all of it is read and written again.

    :param dag_id: the DAG's id.
    :param repository_conn_id: the restic connection.
    :param lock_timeout: seconds to wait while the repository is locked.
    :param pool: a pool with one slot a repository, for tasks that lock it.
    :param execution: where the steps run, see ``etcd_backup``.
    :param dag_kwargs: further arguments of the ``DAG``.
    """
    arguments: dict[str, Any] = {
        "schedule": None,
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": False,
        "tags": ["stash", "repository"],
        "doc_md": _doc(repository_conn_id),
        **(dag_kwargs or {}),
    }
    on_repository: dict[str, Any] = {"restic_conn_id": repository_conn_id, "execution": execution}
    locking = {**on_repository, "lock_timeout": lock_timeout, **({"pool": pool} if pool else {})}
    with DAG(dag_id, **arguments) as dag:
        compress: Any = dag.param("compress")
        migrate = ResticMigrateOperator(task_id="migrate", **locking)
        pruned = ResticPruneOperator(
            task_id="compress", repack_uncompressed=True, enabled=compress, **locking
        )
        check = ResticCheckOperator(
            task_id="check", measure=True, trigger_rule=TriggerRule.NONE_FAILED, **locking
        )
        status = ResticStatusOperator(
            task_id="status",
            check_task_id=check.task_id,
            trigger_rule=TriggerRule.ALL_DONE,
            **on_repository,
        )
        migrate >> pruned >> check >> [status, EmptyOperator(task_id="outcome")]
    add_form(
        dag,
        {
            "compress": Param(
                False,
                type="boolean",
                title="Compress what is there",
                description="Read and write the whole repository again, compressed. Takes long; else only what "
                "is new is compressed.",
            )
        },
    )
    return dag


def _doc(repository_conn_id: str) -> str:
    return (
        f"Migrates the restic repository of the connection `{repository_conn_id}` to format 2, which compresses. "
        "restic before 0.14, Stash's among them, can't open it afterwards. A repository that is of format 2 already "
        "stays as it is."
    )
