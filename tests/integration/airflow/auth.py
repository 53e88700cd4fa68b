"""An auth manager under which one of the users may read few of the DAGs."""

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from testbed.airflow_api import WATCHER

WATCHED = {"backup", "forgotten", "watchdog"}


class WatcherAuthManager(SimpleAuthManager):
    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        if details is not None and details.id not in WATCHED and user.username == WATCHER:
            return False
        return super().is_authorized_dag(
            method=method, user=user, access_entity=access_entity, details=details
        )
