"""A running Airflow's REST API, as its users have it: DAGs, their runs, tasks, results and links."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

ADMIN, ADMIN_PASSWORD = "admin", "admin-of-testbed"
VIEWER, VIEWER_PASSWORD = "viewer", "viewer-of-testbed"
OPERATOR, OPERATOR_PASSWORD = "operator", "operator-of-testbed"
WATCHER, WATCHER_PASSWORD = "watcher", "watcher-of-testbed"
PASSWORDS = {
    ADMIN: ADMIN_PASSWORD,
    VIEWER: VIEWER_PASSWORD,
    OPERATOR: OPERATOR_PASSWORD,
    WATCHER: WATCHER_PASSWORD,
}

_DONE = {"success", "failed"}


class AirflowApi:
    """
    An Airflow that is asked by HTTP.

    :param url: where it is served.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._tokens: dict[str, str] = {}

    def _call(self, method: str, path: str, body: Any = None, *, user: str | None) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if user is not None:
            headers["Authorization"] = f"Bearer {self.token(user)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        for further in (True, True, False):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                with error:
                    said = error.read().decode(errors="replace")
                # SQLite has one writer: two that wait for each other are told after 5 s, and nothing was done.
                if further and error.code == 500 and "Database error" in said:
                    continue
                error.msg += f": {method} {path}: {said[:2000]}"
                raise
        raise AssertionError  # the last try returns or raises

    def token(self, user: str = ADMIN) -> str:
        """Log a user in, once."""
        if user not in self._tokens:
            credentials = {"username": user, "password": PASSWORDS[user]}
            self._tokens[user] = self._call("POST", "/auth/token", credentials, user=None)["access_token"]
        return self._tokens[user]

    def get(self, path: str, *, user: str = ADMIN) -> Any:
        """Ask the REST API (``/api/v2``)."""
        return self._call("GET", f"/api/v2{path}", user=user)

    def ui(self, path: str, *, user: str = ADMIN) -> Any:
        """Ask what the web UI asks for its own use."""
        return self._call("GET", f"/ui{path}", user=user)

    def post(self, path: str, body: Any, *, user: str = ADMIN) -> Any:
        """Post to the REST API."""
        return self._call("POST", f"/api/v2{path}", body, user=user)

    def patch(self, path: str, body: Any, *, user: str = ADMIN) -> Any:
        """Patch by the REST API."""
        return self._call("PATCH", f"/api/v2{path}", body, user=user)

    def wait_for_dag(self, dag_id: str, timeout: float = 60.0) -> None:
        """Wait until a DAG is known."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.get(f"/dags/{dag_id}")
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
            else:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"DAG {dag_id} is not known: {self.get('/importErrors')}")
            time.sleep(0.5)

    def parse(self, dag_id: str) -> None:
        """Have a DAG's file parsed soon, not only when its turn comes."""
        token = self.get(f"/dags/{dag_id}")["file_token"]
        self._call("PUT", f"/api/v2/parseDagFile/{token}", user=ADMIN)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Trigger a DAG and give the run's id; where its form wants a phrase typed, it is typed."""
        self.patch(f"/dags/{dag_id}", {"is_paused": False})
        conf = dict(conf or {})
        confirm = (self.get(f"/dags/{dag_id}/details")["params"] or {}).get("confirm")
        if confirm and "confirm" not in conf:
            conf["confirm"] = re.sub(r"\\(.)", r"\1", confirm["schema"]["pattern"].strip("^$"))
        run = self.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def wait(self, dag_id: str, run_id: str, timeout: float = 180.0) -> str:
        """Wait for a run's end and give its state."""
        deadline = time.monotonic() + timeout
        while True:
            state = str(self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id)}")["state"])
            if state in _DONE:
                return state
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag_id} {run_id} is {state}: {self.states(dag_id, run_id)}")
            time.sleep(0.4)

    def run_dag(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> tuple[str, str]:
        """Trigger a DAG, wait for the run's end, and give its id and state."""
        run_id = self.trigger(dag_id, conf)
        return run_id, self.wait(dag_id, run_id)

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Give a run's task instances."""
        found = self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=100")
        return list(found["task_instances"])

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Give the states of a run's tasks."""
        return {one["task_id"]: one["state"] for one in self.task_instances(dag_id, run_id)}

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Give what a task returned."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.get(f"{path}?deserialize=false&stringify=false")["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Give the extra links of a task of a run: address by name."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/links"
        return dict(self.get(path)["extra_links"])

    def xcoms(self, dag_id: str, run_id: str) -> list[Any]:
        """Give everything that a run's tasks wrote to XCom."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        return [
            self.get(f"{path}/{one['task_id']}/xcomEntries/{entry['key']}?stringify=true")
            for one in self.task_instances(dag_id, run_id)
            for entry in self.get(f"{path}/{one['task_id']}/xcomEntries")["xcom_entries"]
        ]
