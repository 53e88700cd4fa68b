"""Airflow's own API server, by an ``http`` connection: a task may not look into Airflow's database."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_provider_stash.exceptions import AirflowApiError, InvalidConfigurationError
from airflow_provider_stash.hooks.http import base_url

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 30.0


class AirflowApiHook(BaseHook):
    """
    Reads from Airflow's API server as a user of Airflow.

    Connection of type ``http``: host (with ``https://`` where needed, and a path where Airflow has one), port; login
    and password of an Airflow user, or extra ``token``, a bearer token; extra ``ca_certificate`` (PEM).

    :param airflow_conn_id: the connection's id.
    """

    conn_name_attr = "airflow_conn_id"
    default_conn_name = "airflow_api"

    def __init__(self, airflow_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.airflow_conn_id = airflow_conn_id

    def get_conn(self) -> httpx.Client:
        """Give a client that is logged in."""
        import ssl

        import httpx

        connection = self.get_connection(self.airflow_conn_id)
        extra = connection.extra_dejson
        if not connection.host:
            raise InvalidConfigurationError(
                f"Connection {self.airflow_conn_id!r} has no host: give the address of Airflow's API server, such as "
                "https://airflow.example.com."
            )
        ca = extra.get("ca_certificate")
        trust: Any = ssl.create_default_context(cadata=ca) if ca else True
        client = httpx.Client(base_url=base_url(connection), timeout=_TIMEOUT, verify=trust)
        try:
            token = extra.get("token") or self._log_in(client, connection)
        except BaseException:
            client.close()
            raise
        mask_secret(token)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def get(self, path: str) -> Any:
        """
        Ask for JSON.

        :param path: below the address of the API server, such as ``/api/v2/dags``.
        :raises AirflowApiError: it can't be reached, or refuses.
        """
        with closing(self.get_conn()) as client:
            return self._ask(client, "GET", path)

    def _log_in(self, client: httpx.Client, connection: Any) -> str:
        if not connection.login or not connection.password:
            raise InvalidConfigurationError(
                f"Connection {self.airflow_conn_id!r} has no login and password, and no token in its extra: give those "
                "of an Airflow user who may read the DAGs."
            )
        mask_secret(connection.password)
        credentials = {"username": connection.login, "password": connection.password}
        answer = self._ask(client, "POST", "/auth/token", credentials)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            # Not the answer: it may quote what was sent.
            raise AirflowApiError(
                f"What answers at {client.base_url} (connection {self.airflow_conn_id!r}) gave no token for the login: "
                "is that the address of Airflow's API server?"
            )
        return str(token)

    def _ask(self, client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        import httpx

        where = f"Airflow's API server at {client.base_url} (connection {self.airflow_conn_id!r})"
        try:
            answer = client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            code = error.response.status_code
            hints = {
                401: "Look at the login and password, or the token, of the connection.",
                403: "The user of the connection may not read this.",
                404: "Is the address right, and this package installed where the API server runs?",
            }
            # Not the body: an error page may quote what was sent.
            raise AirflowApiError(
                f"{where} answered {code} to {method} {path}. {hints.get(code, '')}"
            ) from None
        except (httpx.HTTPError, ValueError) as error:
            raise AirflowApiError(f"{where} did not answer {method} {path}: {error}.") from error
