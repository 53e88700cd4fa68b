"""Cares for a restic repository: makes it, applies retention, checks it, tells its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.assets import repository_asset
from airflow_provider_stash.exceptions import RepositoryDamagedError
from airflow_provider_stash.operators.base import as_bool, as_list
from airflow_provider_stash.operators.links import BackupRunLink
from airflow_provider_stash.operators.step import StepOperator
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps.call import StepCall
from airflow_provider_stash.steps.layout import KEEP_FOREVER_TAG, STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.restic.repository import Repository


class ResticOperator(StepOperator):
    """
    Works on the repository of a restic connection.

    :param restic_conn_id: the restic connection.
    :param execution: see ``StepOperator``.
    """

    ui_color = "#dae8fc"

    def __init__(self, *, restic_conn_id: str = "restic_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.restic_conn_id = restic_conn_id

    def returned(self, context: Context, task_id: str | None) -> Any:
        """Read what a task of this run has returned; None: it did not run."""
        return context["ti"].xcom_pull(task_ids=task_id) if task_id else None


class ResticInitOperator(ResticOperator):
    """
    Makes sure that the repository is there, and makes it when there is none.

    A wrong password is an error; a repository is never made over another.

    :param create: make it when there is none; else its absence is an error.
    :return: ``created``, ``id``, ``version``, ``location``.
    """

    def __init__(self, *, create: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.create = create

    def prepare(self, context: Context) -> StepCall:
        return StepCall("initialize", {"create": self.create})


class ResticForgetOperator(ResticOperator):
    """
    Applies a retention policy (``restic forget``).

    Snapshots tagged ``keep-forever`` stay whatever the policy says.

    :param retention_policy: a ``RetentionPolicy``, or a mapping in Stash's names: ``keepLast``,
        ``keepHourly``, ``keepDaily``, ``keepWeekly``, ``keepMonthly``, ``keepYearly``, ``keepTags``,
        ``prune``, ``dryRun``. (templated; what is no text needs ``render_template_as_native_obj``)
    :param hostname: only snapshots of this restic host; None: of every host, each by itself. (templated)
    :param tags: only snapshots that have all of these tags. (templated)
    :param enabled: when false the task is skipped. (templated)
    :param lock_timeout: seconds to wait while the repository is locked.
    :return: ``kept``, ``removed``, ``reasons``, ``freed``, ``dryRun``, ``pruned``, ``duration``.
    """

    template_fields: Sequence[str] = ("retention_policy", "hostname", "tags", "enabled")

    def __init__(
        self,
        *,
        retention_policy: RetentionPolicy | Mapping[str, Any],
        hostname: str | None = STASH_HOST,
        tags: Sequence[str] | None = None,
        enabled: bool | str = True,
        lock_timeout: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # A mapping, so that the serialized DAG tells the policy field by field.
        self.retention_policy = (
            retention_policy.to_stash() if isinstance(retention_policy, RetentionPolicy) else retention_policy
        )
        self.hostname = hostname
        self.tags = tags
        self.enabled = enabled
        self.lock_timeout = lock_timeout

    def prepare(self, context: Context) -> StepCall:
        if not as_bool(self.enabled, "enabled"):
            raise AirflowSkipException("The retention policy is turned off for this run.")
        policy = RetentionPolicy.from_stash(self.retention_policy)
        return StepCall(
            "apply_retention",
            {
                "policy": policy.keeping(KEEP_FOREVER_TAG),
                "hostname": self.hostname,
                "tags": as_list(self.tags, "tags"),
                "lock_timeout": self.lock_timeout,
            },
        )


class ResticCheckOperator(ResticOperator):
    """
    Checks the repository's integrity (``restic check``); damage fails the task.

    :param read_data: read and verify all data. (templated)
    :param read_data_subset: read a part of it: ``n/t``, a percentage or a size; ``rotate/t`` reads another
        of t parts each day, so that all is read within t days. (templated)
    :param lock_timeout: seconds to wait while the repository is locked.
    :param measure: read meanwhile what a ``ResticStatusOperator`` after it tells, which then starts no restic
        unless the check took longer than a minute.
    :param forget_task_id: task of a ``ResticForgetOperator`` of this run: the snapshots that it has listed are not read
        again for it, if they are all.
    :return: see ``steps.check.check_integrity``; also pushed to XCom when damage is found.
    """

    template_fields: Sequence[str] = ("read_data", "read_data_subset")

    def __init__(
        self,
        *,
        read_data: bool | str = False,
        read_data_subset: str | None = None,
        lock_timeout: float = 600.0,
        measure: bool = False,
        forget_task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.read_data = read_data
        self.read_data_subset = read_data_subset
        self.lock_timeout = lock_timeout
        self.measure = measure
        self.forget_task_id = forget_task_id

    def prepare(self, context: Context) -> StepCall:
        from airflow_provider_stash.steps.status import known_snapshots

        return StepCall(
            "check_integrity",
            {
                "read_data": as_bool(self.read_data, "read_data"),
                "read_data_subset": self.read_data_subset or None,
                "lock_timeout": self.lock_timeout,
                "measure": self.measure,
                "known": known_snapshots(self.returned(context, self.forget_task_id)),
            },
        )

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        if not result["integrity"]:
            context["ti"].xcom_push(key="return_value", value=result)
            raise_damage(result, self.repository(credentials=False))
        return result


class ResticStatusOperator(ResticOperator):
    """
    Tells the repository's status, as Stash's ``Repository.status``, and emits its asset's event.

    The newest 100 snapshots are listed in it.

    :param check_task_id: task of a ``ResticCheckOperator`` of this run, for ``integrity``. Where that has measured the
        repository, it is not read again.
    :param forget_task_id: task of a ``ResticForgetOperator`` of this run.
    :param absent_is_empty: a repository that is not there holds nothing; else it is an error.
    :return: see ``steps.status.status_of``; the asset event's extra holds the same.
    """

    def __init__(
        self,
        *,
        check_task_id: str | None = None,
        forget_task_id: str | None = None,
        absent_is_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        restic_conn_id = kwargs.get("restic_conn_id", "restic_default")
        super().__init__(outlets=[repository_asset(restic_conn_id)], **kwargs)
        self.check_task_id = check_task_id
        self.forget_task_id = forget_task_id
        self.absent_is_empty = absent_is_empty

    def run_step(self, context: Context) -> Any:
        from airflow_provider_stash.steps.status import known_snapshots, status_of

        checked, forgotten = self._told(context)
        measured = checked.get("measured") or {}
        if "snapshotCount" not in measured and (not measured or known_snapshots(forgotten) is None):
            return super().run_step(context)
        return self.finish(context, status_of(measured, integrity=checked["integrity"], forgotten=forgotten))

    def prepare(self, context: Context) -> StepCall:
        checked, forgotten = self._told(context)
        return StepCall(
            "repository_status",
            {
                "integrity": checked.get("integrity"),
                "forgotten": {key: forgotten[key] for key in ("removed", "dryRun")} if forgotten else None,
                "absent_is_empty": self.absent_is_empty,
            },
        )

    def _told(self, context: Context) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
        """Read what the check and the retention of this run have returned."""
        checked = self.returned(context, self.check_task_id)
        return checked or {}, self.returned(context, self.forget_task_id)

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        context["outlet_events"][repository_asset(self.restic_conn_id)].extra = result
        return result


class ResolveSnapshotOperator(ResticOperator):
    """
    Chooses the snapshot to restore.

    :param snapshot: ``latest``, an id, or the beginning of one. (templated)
    :param before: only snapshots taken before this time (RFC 3339). (templated)
    :param revision: only snapshots known to be of this etcd revision or an earlier one. (templated)
    :param hostname: only snapshots of this restic host; None: of any. (templated)
    :param tags: only snapshots that have all of these tags. (templated)
    :return: the snapshot's record, see ``steps.resolve.snapshot_result``.
    """

    template_fields: Sequence[str] = ("snapshot", "before", "revision", "hostname", "tags")
    operator_extra_links = (BackupRunLink(),)

    def __init__(
        self,
        *,
        snapshot: str = "latest",
        before: str | None = None,
        revision: int | str | None = None,
        hostname: str | None = STASH_HOST,
        tags: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.before = before
        self.revision = revision
        self.hostname = hostname
        self.tags = tags

    def prepare(self, context: Context) -> StepCall:
        return StepCall(
            "resolve_snapshot",
            {
                "snapshot": self.snapshot,
                "before": self.before or None,
                "revision": int(self.revision) if self.revision else None,
                "hostname": self.hostname or None,
                "tags": as_list(self.tags, "tags"),
            },
        )


def raise_damage(checked: Mapping[str, Any], repository: Repository) -> NoReturn:
    """
    Fail for what a check has found.

    :param checked: what ``check_integrity`` returned.
    :raises RepositoryDamagedError: always.
    """
    raise RepositoryDamagedError(
        f"restic check found {len(checked['errors'])} errors in {repository.redacted_location}: "
        f"{' '.join(checked['errors'][:3])} Backups go on; find out what is damaged before you rely on "
        "an older snapshot (docs: troubleshooting)."
    )
