"""A whole backup in one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.assets import repository_asset
from airflow_provider_stash.operators.base import as_bool
from airflow_provider_stash.operators.etcd import EtcdBackupOperator
from airflow_provider_stash.operators.restic import raise_damage
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps.call import StepCall
from airflow_provider_stash.steps.layout import KEEP_FOREVER_TAG

if TYPE_CHECKING:
    from airflow.sdk import Context


class EtcdBackupSessionOperator(EtcdBackupOperator):
    """
    Waits for etcd, backs up (into a new repository where there is none), applies retention, checks, tells the status:
    all in one task.

    Made for Jobs: one Pod starts, not three. A failure after the backup fails the task; the snapshot stays.
    It emits the repository's asset event.

    :param wait_timeout: see ``EtcdBackupOperator``.
    :param create: make the repository when there is none.
    :param retention_policy: see ``ResticForgetOperator``; None: keep all. (templated)
    :param retention: when false retention is left out. (templated)
    :param check: check the repository's integrity.
    :param read_data: have the check read all data. (templated)
    :param read_data_subset: have it read a part, see ``ResticCheckOperator``. (templated)
    :return: ``backup``, ``forget``, ``check``, ``status``: what the step operators return.
    """

    template_fields: Sequence[str] = (
        *EtcdBackupOperator.template_fields, "retention_policy", "retention", "read_data", "read_data_subset",
    )  # fmt: skip

    def __init__(
        self,
        *,
        wait_timeout: float = 300.0,
        create: bool = True,
        retention_policy: RetentionPolicy | Mapping[str, Any] | None = None,
        retention: bool | str = True,
        check: bool = True,
        read_data: bool | str = False,
        read_data_subset: str | None = None,
        **kwargs: Any,
    ) -> None:
        outlets = [repository_asset(kwargs.get("restic_conn_id", "restic_default"))]
        super().__init__(outlets=outlets, wait_timeout=wait_timeout, create=create, **kwargs)
        # As ResticForgetOperator has it.
        self.retention_policy = (
            retention_policy.to_stash() if isinstance(retention_policy, RetentionPolicy) else retention_policy
        )
        self.retention = retention
        self.check = check
        self.read_data = read_data
        self.read_data_subset = read_data_subset

    def prepare(self, context: Context) -> StepCall:
        backup = super().prepare(context)
        policy = None
        if self.retention_policy is not None and as_bool(self.retention, "retention"):
            policy = RetentionPolicy.from_stash(self.retention_policy)
        check = {
            "read_data": as_bool(self.read_data, "read_data"),
            "read_data_subset": self.read_data_subset or None,
        }
        return StepCall(
            "back_up_session",
            {
                "backup": backup.arguments,
                "policy": policy.keeping(KEEP_FOREVER_TAG) if policy else None,
                "check": check if self.check else None,
            },
        )

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        context["outlet_events"][repository_asset(self.restic_conn_id)].extra = result["status"]
        if result["check"] and not result["check"]["integrity"]:
            context["ti"].xcom_push(key="return_value", value=result)
            raise_damage(result["check"], self.repository(credentials=False))
        return result
