"""Looks after all backups: tells of those that failed, and of those that did not happen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.notifications import Memory, Word, check_notifiers, tell
from airflow_provider_stash.operators.base import StashOperator
from airflow_provider_stash.protection import Protection
from airflow_provider_stash.steps.results import now
from airflow_provider_stash.watch import UNPROTECTED, news

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.notifier import BaseNotifier

_OVERVIEW = "/stash/api/overview"


class BackupWatchdogOperator(StashOperator):
    """
    Reads the overview of all backups from Airflow's API server, and tells of what changed since it last told.

    The judgement is that of the Backups page, of the same records. A task may not look into Airflow's database, and
    nothing else that it may ask lists DAGs or tells when a run was due.

    :param notify: notifiers of Airflow.
    :param airflow_conn_id: an ``http`` connection to the API server, see ``hooks.airflow_api``.
    :param statuses: of which to tell: ``failing``, ``missed``, ``never``, ``late``, ``paused``.
    :param forgotten_after: a paused DAG is told of once a backup is missing for so long.
    :return: ``backups`` (how many there are), ``unprotected``, ``told`` and ``mended`` (lines).
    """

    ui_color = "#fff2cc"

    def __init__(
        self,
        *,
        notify: Sequence[BaseNotifier],
        airflow_conn_id: str = "airflow_api",
        statuses: Collection[str] | None = None,
        forgotten_after: timedelta = timedelta(days=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.notify = check_notifiers(notify)
        self.airflow_conn_id = airflow_conn_id
        self.statuses = _statuses(statuses)
        self.forgotten_after = forgotten_after

    def run_step(self, context: Context) -> dict[str, Any]:
        from airflow_provider_stash.hooks.airflow_api import AirflowApiHook

        rows = AirflowApiHook(self.airflow_conn_id).get(_OVERVIEW)["rows"]
        memory = Memory(f"{self.dag_id}.{self.task_id}")
        told = memory.read()
        found = news(rows, told, now(), statuses=self.statuses, forgotten_after=self.forgotten_after)
        for line in found.worse:
            self.log.warning("%s", line)
        for line in found.mended:
            self.log.info("%s", line)
        if found.worse or found.mended:
            state = "unprotected" if found.worse else "recovered"
            run_id = str(context["run_id"])
            tell(
                self.notify,
                context,
                Word(state, found.subject, "\n".join([*found.worse, *found.mended]), self.dag_id, run_id),
            )
        memory.write(found.told, before=told)
        return {
            "backups": len(rows),
            "unprotected": found.unprotected,
            "told": found.worse,
            "mended": found.mended,
        }


def _statuses(given: Collection[str] | None) -> tuple[Protection, ...]:
    if given is None:
        return UNPROTECTED
    known = {one.value for one in UNPROTECTED}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidConfigurationError(
            f"statuses holds {unknown[0]!r}: give some of {', '.join(sorted(known))}."
        )
    return tuple(Protection(one) for one in given)
