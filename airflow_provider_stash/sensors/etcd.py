"""Waits for etcd."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred

from airflow_provider_stash.attempts import tell_attempt
from airflow_provider_stash.exceptions import StashError

if TYPE_CHECKING:
    from airflow.sdk import Context


class EtcdHealthSensor(BaseSensorOperator):
    """
    Waits until an etcd endpoint serves a linearizable read (Stash: ``waitTimeout``).

    What waiting can't mend, such as a wrong password, fails at once.

    :param etcd_conn_id: the etcd connection.
    :param deferrable: wait in the triggerer rather than in a worker; the first look is taken in the worker.
    :param timeout: seconds in all.
    :param poke_interval: seconds between looks.
    :return: ``members`` with their status, ``alarms``.
    """

    ui_color = "#e1d5e7"

    def __init__(
        self,
        *,
        etcd_conn_id: str = "etcd_default",
        deferrable: bool = False,
        timeout: float = 300.0,
        poke_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=timeout, poke_interval=poke_interval, **kwargs)
        self.etcd_conn_id = etcd_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        if not self.deferrable:
            tell_attempt(context)
            try:
                return super().execute(context)
            except AirflowSensorTimeout:
                tell_attempt(context, f"etcd did not answer within {self.timeout:g} s.")
                raise
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        from airflow_provider_stash.triggers.etcd import EtcdHealthTrigger

        raise TaskDeferred(
            trigger=EtcdHealthTrigger(etcd_conn_id=self.etcd_conn_id, poke_interval=self.poke_interval),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def poke(self, context: Context) -> PokeReturnValue:
        from airflow_provider_stash.hooks.etcd import EtcdHook
        from airflow_provider_stash.steps.health import check_health

        try:
            health = check_health(EtcdHook(self.etcd_conn_id).get_config())
        except StashError as error:
            tell_attempt(context, str(error))
            raise AirflowFailException(str(error)) from error
        if not health["healthy"]:
            self.log.info("etcd does not answer yet: %s", health["reason"])
        for alarm in health["alarms"]:
            self.log.warning("etcd has raised the alarm %s for member %s.", alarm["alarm"], alarm["member"])
        result = {"members": health["members"], "alarms": health["alarms"]}
        return PokeReturnValue(is_done=health["healthy"], xcom_value=result)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Take up the task after the trigger has fired."""
        if event["error"]:
            tell_attempt(context, event["error"])
            raise AirflowFailException(event["error"])
        return {"members": event["members"], "alarms": event["alarms"]}
