"""An Airflow of its own: home, database, scheduler, DAG processor, triggerer and API server on loopback."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from cryptography.fernet import Fernet

from testbed import airflow_commands, airflow_part
from testbed.airflow_api import ADMIN, OPERATOR, PASSWORDS, VIEWER, WATCHER, AirflowApi
from testbed.answering_process import AnsweringProcess
from testbed.process import Server, free_port

_ROLES = f"{ADMIN}:admin,{VIEWER}:viewer,{OPERATOR}:op,{WATCHER}:viewer"
_LIGHT = {
    # A task that has ended keeps its worker for so long; and an idle scheduler looks again after so long: at 0.1 s it takes
    # a sixth of a processor, at 0.5 s a twentieth, and the runs of DAGs are hardly slower.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    # DAG files stay as they are.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
}
_TOOLS = Path(__file__).parents[1] / ".tools"


class AirflowHome(AirflowApi):
    """
    An Airflow with the LocalExecutor on SQLite; a context manager.

    :param directory: its home.
    :param dags: folder of its DAG files.
    :param env: further environment: connections, settings.
    :param prefix: path below which it is served, such as ``/airflow``.
    :param light: for tests: what all task processes import is imported once, see ``airflow_part``.
    """

    def __init__(
        self,
        directory: Path,
        dags: Path,
        env: Mapping[str, str] | None = None,
        *,
        prefix: str = "",
        light: bool = False,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.port = directory, free_port()
        super().__init__(f"http://127.0.0.1:{self.port}{prefix}")
        passwords = directory / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps(PASSWORDS))
        own = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
        self.env = {
            **own,
            "AIRFLOW_HOME": str(directory),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": _ROLES,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": "testbed",
            "AIRFLOW__API_AUTH__JWT_SECRET": "testbed-secret-of-at-least-sixty-four-bytes-for-signing-the-tokens",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{directory / 'airflow.db'}",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # A task whose first word to a busy API server takes longer than this is lost.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(directory / "logs"),
            **(_LIGHT if light else {}),
            **(env or {}),
        }
        airflow = ["-m", airflow_part.__name__ if light else "airflow"]
        self.servers = [
            Server([sys.executable, *airflow, part], directory / f"{part}.log", self.env)
            for part in ("api-server", "scheduler", "dag-processor", "triggerer")
        ]
        self._commands: AnsweringProcess | None = None

    def __enter__(self) -> AirflowHome:
        try:
            self.make_database()
            for server in self.servers:
                server.start()
            self.servers[0].wait_ready(self._ready, timeout=300)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self.end_commands()
        for server in self.servers:
            server.ask_to_end(children=False)  # they end their children in order
        deadline = time.monotonic() + 4  # the triggerer waits 10 s for nothing
        for server in self.servers:
            server.stop(max(0.0, deadline - time.monotonic()), ask_children=False)

    def make_database(self) -> None:
        """Make the database: the first of an Airflow by ``airflow db migrate``, which takes long, others are its copies."""
        # With the key alone: Airflow would write all its defaults, paths included.
        settings = self.directory / "airflow.cfg"
        if not settings.exists():
            settings.touch(mode=0o600)
            settings.write_text(f"[core]\nfernet_key = {Fernet.generate_key().decode()}\n")
        database = self.directory / "airflow.db"
        first = _TOOLS / f"airflow-{version('apache-airflow-core')}.db"
        if not database.exists() and first.exists():
            shutil.copyfile(first, database)
            return
        is_new = not database.exists()
        self.run("db", "migrate")
        if is_new:
            _TOOLS.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=_TOOLS) as place:
                shutil.copyfile(database, Path(place) / "copy").replace(first)  # whole, or not at all

    def run(self, *arguments: str) -> str:
        """Run an ``airflow`` command and give its output."""
        done = self.call(*arguments)
        if done.returncode:
            raise RuntimeError(f"airflow {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def call(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run an ``airflow`` command to its end, whatever that is."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def call_all(self, *lines: str) -> list[tuple[int, str, str]]:
        """
        Run command lines of ``airflow`` one after another in one process, by Airflow's own parser.

        :return: exit code, standard output and standard error of each.
        """
        if self._commands is None:
            log = self.directory / "commands.log"
            self._commands = AnsweringProcess(airflow_commands.__name__, [], self.env, log)
        results = self._commands.ask({"lines": [shlex.split(line) for line in lines], "env": self.env})
        return [(one["code"], one["out"], one["err"]) for one in results]

    def end_commands(self) -> None:
        """End the process that ``call_all`` started."""
        if self._commands is not None:
            self._commands.end()
            self._commands = None

    def _ready(self) -> bool:
        try:
            # At its first request the tasks' API makes its routes, for ten seconds: now, while the other parts start.
            self._call("GET", "/execution/health", user=None)
            health = self._call("GET", "/api/v2/monitor/health", user=None)
        except OSError:
            return False
        parts = ("scheduler", "dag_processor", "triggerer")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def logs(self, dag_id: str, run_id: str) -> str:
        """Give the text of all logs of a run."""
        folder = self.directory / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
        return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*.log")))
