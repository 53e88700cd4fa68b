"""What the user who asks may see and do: Airflow's own permissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel
from sqlalchemy.orm import Session


class Access:
    """
    A user's permissions.

    :param user: as Airflow's auth manager knows him.
    :param session: of Airflow's database.
    """

    def __init__(self, user: Any, session: Session) -> None:
        self._user, self._session = user, session
        self._manager = get_auth_manager()
        self._teams: dict[str, str | None] = {}

    def readable_dags(self) -> set[str]:
        """Give the DAGs whose runs and tasks the user may read: what is told of a backup comes from both."""
        readable = self._manager.get_authorized_dag_ids(user=self._user, method="GET", session=self._session)
        runs = self._permitted(readable, "GET", DagAccessEntity.RUN)
        return self._permitted(runs, "GET", DagAccessEntity.TASK_INSTANCE)

    def may_read_results(self, dag_id: str) -> bool:
        """Tell whether the user may read what the tasks of a DAG returned."""
        return bool(self._permitted([dag_id], "GET", DagAccessEntity.XCOM))

    def triggerable_dags(self, dag_ids: Iterable[str]) -> set[str]:
        """Give those of the DAGs that the user may trigger."""
        return self._permitted(dag_ids, "POST", DagAccessEntity.RUN)

    def editable_dags(self, dag_ids: Iterable[str]) -> set[str]:
        """Give those of the DAGs that the user may pause and resume."""
        return self._permitted(dag_ids, "PUT", None)

    def may_read_assets(self) -> bool:
        """Tell whether the user may read assets: a repository's status is in the events of one."""
        return bool(self._manager.is_authorized_asset(method="GET", user=self._user))

    def readable_connections(self) -> set[str]:
        """Give the ids of the connections in Airflow's database that the user may read."""
        return set(
            self._manager.get_authorized_connections(user=self._user, method="GET", session=self._session)
        )

    def _permitted(
        self, dag_ids: Iterable[str], method: ResourceMethod, entity: DagAccessEntity | None
    ) -> set[str]:
        wanted = set(dag_ids)
        unknown = [one for one in wanted if one not in self._teams]
        if unknown:
            teams = DagModel.get_dag_id_to_team_name_mapping(unknown, session=self._session)
            self._teams.update({one: teams.get(one) for one in unknown})
        return {
            one
            for one in wanted
            if self._manager.is_authorized_dag(
                method=method,
                access_entity=entity,
                details=DagDetails(id=one, team_name=self._teams[one]),
                user=self._user,
            )
        }
