"""Waits for etcd, and backs it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.operators.base import as_bool, as_list
from airflow_provider_stash.operators.links import RUN_TAG, RepositoryLink, SnapshotLink
from airflow_provider_stash.operators.step import StepOperator
from airflow_provider_stash.steps.call import StepCall
from airflow_provider_stash.steps.layout import KEEP_FOREVER_TAG, STASH_HOST

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_stash.steps.staging import TempDir


class EtcdWaitOperator(StepOperator):
    """
    Waits until an etcd endpoint serves a linearizable read, from the place where the steps run.

    In a Job it sees what the backup will see; in a worker use ``EtcdHealthSensor``, which can be deferred.

    :param etcd_conn_id: the etcd connection.
    :param timeout: seconds in all (Stash: ``waitTimeout``).
    :param poke_interval: seconds between looks.
    :param execution: see ``StepOperator``.
    :return: ``members`` with their status, ``alarms``.
    """

    ui_color = "#e1d5e7"

    def __init__(
        self,
        *,
        etcd_conn_id: str = "etcd_default",
        timeout: float = 300.0,
        poke_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.etcd_conn_id = etcd_conn_id
        self.timeout = timeout
        self.poke_interval = poke_interval

    def prepare(self, context: Context) -> StepCall:
        return StepCall("wait_for_health", {"timeout": self.timeout, "poke_interval": self.poke_interval})


class EtcdBackupOperator(StepOperator):
    """
    Streams a snapshot of etcd into a restic repository.

    No temporary file: the stream goes from etcd's Maintenance API into ``restic backup --stdin``, and its
    sha256 is compared before restic may finish. Members are tried in turn. With ``temp_dir`` the snapshot
    is staged in a file first, as Stash does it.

    :param etcd_conn_id: the etcd connection. (templated)
    :param restic_conn_id: the restic connection. (templated)
    :param wait_timeout: seconds to wait until an endpoint serves a linearizable read (Stash: ``waitTimeout``); 0: none
        has to, and a cluster without a quorum gives what a member has.
    :param create: make the repository when there is none; else its absence is an error.
    :param hostname: the restic host, by which retention groups snapshots (Stash: ``target.alias``). (templated)
    :param tags: further tags of the restic snapshot, beside those that name revision, cluster and version.
        (templated)
    :param keep_forever: tag the snapshot ``keep-forever``, which no retention policy here removes. (templated)
    :param temp_dir: where to stage the snapshot, and how large it may be; None: stream it.
    :param hash_kv: record etcd's hash of all keys, to compare after a restore; the member reads its whole
        database for it.
    :param extra_args: further arguments of ``restic backup``. (templated)
    :param lock_timeout: seconds to wait while the repository is locked.
    :param execution: see ``StepOperator``.
    :return: Stash's host backup stats and what is known of the data, see ``steps.backup.back_up``.
    """

    # The connections' ids are fields so that the Backups page finds them in the serialized DAG.
    template_fields: Sequence[str] = (
        "etcd_conn_id",
        "restic_conn_id",
        "hostname",
        "tags",
        "keep_forever",
        "extra_args",
    )
    ui_color = "#d5e8d4"
    operator_extra_links = (RepositoryLink(), SnapshotLink())

    def __init__(
        self,
        *,
        etcd_conn_id: str = "etcd_default",
        restic_conn_id: str = "restic_default",
        wait_timeout: float = 0.0,
        create: bool = False,
        hostname: str = STASH_HOST,
        tags: Sequence[str] | None = None,
        keep_forever: bool | str = False,
        temp_dir: TempDir | None = None,
        hash_kv: bool = False,
        extra_args: Sequence[str] | None = None,
        lock_timeout: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.etcd_conn_id = etcd_conn_id
        self.restic_conn_id = restic_conn_id
        self.wait_timeout = wait_timeout
        self.create = create
        self.hostname = hostname
        self.tags = tags
        self.keep_forever = keep_forever
        self.temp_dir = temp_dir
        self.hash_kv = hash_kv
        self.extra_args = extra_args
        self.lock_timeout = lock_timeout

    def prepare(self, context: Context) -> StepCall:
        ti = context["ti"]
        tags = [*as_list(self.tags, "tags"), f"{RUN_TAG}{ti.dag_id}/{ti.run_id}"]
        if as_bool(self.keep_forever, "keep_forever"):
            tags.append(KEEP_FOREVER_TAG)
        return StepCall(
            "back_up",
            {
                "wait_timeout": self.wait_timeout,
                "create": self.create,
                "hostname": self.hostname,
                "tags": tags,
                "temp_dir": self.temp_dir,
                "hash_kv": self.hash_kv,
                "extra_args": as_list(self.extra_args, "extra_args"),
                "lock_timeout": self.lock_timeout,
            },
        )

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage, where its provider is installed, what was read and written."""
        from airflow_provider_stash.lineage import backup_lineage

        return backup_lineage(
            task_instance.xcom_pull(task_ids=self.task_id),
            etcd=self.etcd().endpoints[0].url,
            location=self.repository(credentials=False).redacted_location,
        )
