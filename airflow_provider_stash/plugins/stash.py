"""The plugin: the Backups page in the navigation, and a tab on each DAG and run.

Every process that has plugins imports this module, each task's too: nothing is imported here that it can do without.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

URL_PREFIX = "/stash"
"""Where the app is mounted, under Airflow's base URL."""


def _view(name: str, href: str, destination: str, url_route: str) -> dict[str, Any]:
    # Relative addresses: the browser puts them below the path of Airflow's base URL.
    icons = {
        "icon": "stash/assets/icon-light.svg",
        "icon_dark_mode": "stash/assets/icon-dark.svg",
    }
    return {"name": name, "href": href, "destination": destination, "url_route": url_route, **icons}


class StashPlugin(AirflowPlugin):
    """Adds the views to Airflow's UI; the app behind them is made when the API server asks for it."""

    name = "stash"
    # One invalid view makes Airflow drop the whole plugin: tests/unit/plugins holds them to Airflow's own model.
    external_views = [  # noqa: RUF012 - Airflow's own type of this
        {**_view("Backups", "stash/", "nav", "backups"), "nav_top_level": True},
        _view("Backup", "stash/session?dag_id={DAG_ID}", "dag", "backup-sessions"),
        _view("Backup", "stash/session?dag_id={DAG_ID}&run_id={RUN_ID}", "dag_run", "backup-session"),
    ]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Make the app; only the API server asks for it."""
        from airflow_provider_stash.plugins.app import create_app

        return [{"app": create_app(), "url_prefix": URL_PREFIX, "name": "Stash"}]
