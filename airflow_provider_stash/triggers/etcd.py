"""Waits for etcd in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_stash.exceptions import StashError
from airflow_provider_stash.steps.health import check_health
from airflow_provider_stash.triggers.slot import slot_seconds


class EtcdHealthTrigger(BaseTrigger):
    """
    Fires when an etcd endpoint serves a linearizable read, or when waiting won't help.

    :param etcd_conn_id: the etcd connection, which is read in the triggerer: nothing secret is stored.
    :param poke_interval: seconds between looks.
    """

    def __init__(self, etcd_conn_id: str, poke_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.etcd_conn_id = etcd_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_stash.triggers.etcd.EtcdHealthTrigger",
            {"etcd_conn_id": self.etcd_conn_id, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from asgiref.sync import sync_to_async

        from airflow_provider_stash.hooks.etcd import EtcdHook

        await asyncio.sleep(max(self.poke_interval, slot_seconds()))  # the task has just looked
        while True:
            try:
                config = await sync_to_async(EtcdHook(self.etcd_conn_id).get_config)()
                health = await asyncio.to_thread(check_health, config)
            except StashError as error:
                yield TriggerEvent({"error": str(error), "members": [], "alarms": []})
                return
            if health["healthy"]:
                yield TriggerEvent({"error": "", "members": health["members"], "alarms": health["alarms"]})
                return
            self.log.info("etcd does not answer yet: %s", health["reason"])
            await asyncio.sleep(self.poke_interval)
