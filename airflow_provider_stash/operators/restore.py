"""The steps of a restore, from the download to the proof, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.exceptions import InvalidConfigurationError, StashError
from airflow_provider_stash.operators.base import StashOperator, key_of, task_states
from airflow_provider_stash.operators.step import StepOperator
from airflow_provider_stash.steps.call import StepCall

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_stash.etcd.config import EtcdConfig
    from airflow_provider_stash.restic.repository import Repository
    from airflow_provider_stash.workloads.base import Workload
    from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload


class RestoreOperator(StashOperator):
    """
    A step of a restore into a workload. Its traces on the members' hosts are found by DAG and run id.

    :param workload: where the members run, and how to stop, fill and start them.
    """

    ui_color = "#ffe6cc"

    def __init__(self, *, workload: Workload, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workload = workload


class FetchSnapshotOperator(StepOperator):
    """
    Downloads the snapshot, proves it good, checks all that could stop the restore. Changes nothing.

    The file stays for members that are filled from it; others fetch it by themselves.

    :param workload: where the members run; it is looked at from the worker.
    :param etcd_conn_id: the etcd connection; none of its members needs to be alive. (templated)
    :param restic_conn_id: the restic connection. (templated)
    :param snapshot: the record that ``ResolveSnapshotOperator`` returned. (templated)
    :param work_dir: where the file goes; None: the system's temporary directory. (templated)
    :param etcd_tools: directory or path of etcdutl (or etcdctl); None: PATH.
    :param rehearse: start a throw-away etcd on the data, where there is an ``etcd`` program.
    :param bump_revision: ``auto``, ``off``, or how far to move revisions on. (templated)
    :param execution: see ``StepOperator``; the download can be a Job where the members don't need its file. Then
        ``work_dir`` and ``etcd_tools`` are places in its container.
    :return: the plan of the restore, see ``steps.fetch.fetch_snapshot``.
    """

    template_fields: Sequence[str] = (
        "etcd_conn_id",
        "restic_conn_id",
        "snapshot",
        "work_dir",
        "bump_revision",
    )
    ui_color = "#ffe6cc"

    def __init__(
        self,
        *,
        snapshot: Mapping[str, Any],
        workload: Workload,
        etcd_conn_id: str = "etcd_default",
        restic_conn_id: str = "restic_default",
        work_dir: str | None = None,
        etcd_tools: str | None = None,
        rehearse: bool = True,
        bump_revision: str | int = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.job is not None and not workload.fills_from_repository:
            raise InvalidConfigurationError(
                f"Task {self.task_id}: a {type(workload).__name__} is filled from a file on its worker's host, which a "
                "Job can't leave there. Leave execution out."
            )
        self.workload = workload
        self.snapshot = snapshot
        self.etcd_conn_id = etcd_conn_id
        self.restic_conn_id = restic_conn_id
        self.work_dir = work_dir
        self.etcd_tools = etcd_tools
        self.rehearse = rehearse
        self.bump_revision = bump_revision

    def prepare(self, context: Context) -> StepCall:
        from airflow_provider_stash.steps.fetch import FetchOptions, check_workload

        workload, key = _connected(self.workload), key_of(context)
        repository = _repository(self.restic_conn_id, workload)
        return StepCall(
            "fetch_snapshot",
            {
                "snapshot": self.snapshot,
                "key": key,
                "checked": check_workload(workload, repository, snapshot=self.snapshot, key=key),
                "keep_file": not workload.fills_from_repository,
                "fetch": FetchOptions(
                    work_dir=self.work_dir,
                    etcd_tools=self.etcd_tools,
                    rehearse=self.rehearse,
                    bump_revision=self.bump_revision,
                ),
            },
        )


class StopMembersOperator(RestoreOperator):
    """
    Stops every member, having written down which of them run.

    :return: ``members``: ``name``, ``wasRunning``.
    """

    def run_step(self, context: Context) -> dict[str, Any]:
        return {"members": _connected(self.workload).stop(key=key_of(context))}


class FillMembersOperator(RestoreOperator):
    """
    Builds every member's new data beside the old.

    :param plan: what ``FetchSnapshotOperator`` returned. (templated)
    :param restic_conn_id: the restic connection, for Jobs that fetch the snapshot by themselves.
    :return: ``members``: ``name``, ``dataDir``.
    """

    template_fields: Sequence[str] = ("plan",)

    def __init__(
        self, *, plan: Mapping[str, Any], restic_conn_id: str = "restic_default", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.restic_conn_id = restic_conn_id

    def run_step(self, context: Context) -> dict[str, Any]:
        from airflow_provider_stash.steps.fetch import source_of
        from airflow_provider_stash.workloads.base import FillRequest

        workload, file = _connected(self.workload), self.plan["file"]
        repository = _repository(self.restic_conn_id, workload) if workload.fills_from_repository else None
        request = FillRequest(
            snapshot_file=Path(file) if file is not None else None,
            snapshot_size=self.plan["totalSize"],
            token=self.plan["token"],
            bump_revision=self.plan["bumpRevision"],
            source=source_of(repository, self.plan) if repository is not None else None,
        )
        return {"members": workload.fill(request, key=key_of(context))}


class StartMembersOperator(RestoreOperator):
    """
    Sets every member's old data aside, puts the new in its place, and starts all members.

    :return: ``members``: ``name``, ``oldData`` (where it lies now).
    """

    def run_step(self, context: Context) -> dict[str, Any]:
        return {"members": _connected(self.workload).start(key=key_of(context))}


class VerifyRestoreOperator(StepOperator):
    """
    Waits until every member is healthy, and compares their data with the plan; then closes the roll-back.

    :param plan: what ``FetchSnapshotOperator`` returned. (templated)
    :param etcd_conn_id: the etcd connection.
    :param timeout: seconds for all members to be healthy.
    :param workload: where the members run.
    :param execution: see ``StepOperator``.
    :return: see ``steps.verify.verify_restore``.
    """

    template_fields: Sequence[str] = ("plan",)
    ui_color = "#ffe6cc"
    job_each_try = True  # what an earlier one saw may have been rolled back, and restored once more

    def __init__(
        self,
        *,
        plan: Mapping[str, Any],
        workload: Workload,
        etcd_conn_id: str = "etcd_default",
        timeout: float = 120.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workload = workload
        self.plan = plan
        self.etcd_conn_id = etcd_conn_id
        self.timeout = timeout

    def prepare(self, context: Context) -> StepCall:
        names = list(_connected(self.workload).peer_urls)
        return StepCall("verify_restore", {"names": names, "plan": dict(self.plan), "timeout": self.timeout})

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        _connected(self.workload).accept(key=key_of(context))
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage, where its provider is installed, what was read and written."""
        from airflow_provider_stash.lineage import restore_lineage

        return restore_lineage(self.plan, etcd=self.etcd().endpoints[0].url)


class RollBackOperator(RestoreOperator):
    """
    Puts the old data back and starts the members that were running.

    Made to be a teardown: it runs whatever happened, also when the run is marked as failed by hand. Once the
    restore is verified it is skipped; where this run has stopped nothing, it does nothing.

    :param verify_task_id: task of the ``VerifyRestoreOperator`` of this run.
    :param etcd_conn_id: the etcd connection.
    :param timeout: seconds to wait for the old cluster to answer.
    :return: see ``steps.roll_back.roll_back``.
    """

    ui_color = "#f8cecc"

    def __init__(
        self,
        *,
        verify_task_id: str,
        etcd_conn_id: str = "etcd_default",
        timeout: float = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.verify_task_id = verify_task_id
        self.etcd_conn_id = etcd_conn_id
        self.timeout = timeout

    def run_step(self, context: Context) -> dict[str, Any]:
        if task_states(context, [self.verify_task_id]).get(self.verify_task_id) == "success":
            raise AirflowSkipException("The restore is verified: nothing to roll back.")
        from airflow_provider_stash.steps.roll_back import roll_back

        etcd: EtcdConfig | None = None
        try:
            etcd = _etcd(self.etcd_conn_id)
        except Exception as error:  # noqa: BLE001 - nothing may keep the old data from coming back
            self.log.warning("Whether the old cluster answers can't be asked: %s", error)
        try:
            return roll_back(etcd, _connected(self.workload), key=key_of(context), timeout=self.timeout)
        except StashError as error:
            raise type(error)(
                f"{error} Not all is as it was before the restore. Once the cause is gone, clear task "
                f"{self.task_id} of run {context['ti'].run_id}, and that task alone: it goes on where it was."
            ) from error


class CleanUpRestoreOperator(RestoreOperator):
    """
    Removes the downloaded snapshot, and the data that earlier restores set aside.

    :param work_dir: as given to ``FetchSnapshotOperator``. (templated)
    :param keep_restores: how many restores' old data stay, this one included.
    :param keep_days: old data of a restore longer ago than this goes.
    :return: ``downloadRemoved``, ``removed``: ``name``, ``path``.
    """

    template_fields: Sequence[str] = ("work_dir",)

    def __init__(
        self, *, work_dir: str | None = None, keep_restores: int = 3, keep_days: float = 14.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.work_dir = work_dir
        self.keep_restores = keep_restores
        self.keep_days = keep_days

    def run_step(self, context: Context) -> dict[str, Any]:
        from airflow_provider_stash.steps.fetch import remove_download

        key = key_of(context)
        return {
            "downloadRemoved": remove_download(self.work_dir, key),
            "removed": _connected(self.workload).remove_old_data(
                key=key, keep_restores=self.keep_restores, keep_days=self.keep_days
            ),
        }


def _etcd(conn_id: str) -> EtcdConfig:
    from airflow_provider_stash.hooks.etcd import EtcdHook

    return EtcdHook(conn_id).get_config()


def _repository(conn_id: str, workload: Workload) -> Repository:
    """Read the restic connection; without credentials, where the workload's Jobs have them from a Secret."""
    from airflow_provider_stash.hooks.restic import ResticHook

    in_kubernetes = _in_kubernetes(workload)
    from_secret = in_kubernetes is not None and in_kubernetes.job.repository_secret is not None
    return ResticHook(conn_id).get_repository(credentials=not from_secret)


def _in_kubernetes(workload: Workload) -> KubernetesWorkload | None:
    if not workload.fills_from_repository:
        return None  # without reading what only a cluster needs, at each task's start
    from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload

    return workload if isinstance(workload, KubernetesWorkload) else None


def _connected(workload: Workload) -> Workload:
    """Give the workload, with a client of its cluster where it needs one."""
    in_kubernetes = _in_kubernetes(workload)
    if in_kubernetes is None:
        return workload
    from airflow_provider_stash.operators.kubernetes_workload import connect

    return connect(in_kubernetes)
