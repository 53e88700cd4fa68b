"""
Runs DAGs in one process, as ``DAG.test`` does: Airflow's own states and rules, without a scheduler's waits.

As a program it reads ``{dag, conf, env}`` a line, and writes ``{state, tasks}`` a line to the file descriptor that it is
given.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from testbed.airflow_home import AirflowHome
from testbed.answering_process import AnsweringProcess


class DagRunOutcome(NamedTuple):
    """How a run ended: its state, and each task's."""

    state: str
    tasks: dict[str, str]


class DagRuns:
    """
    A process that runs DAGs one after another; a context manager.

    :param directory: for Airflow's home, and the process's log.
    :param file: a DAG file, alone in its folder, read anew for each run.
    """

    def __init__(self, directory: Path, file: Path) -> None:
        self._home = AirflowHome(directory / "airflow", file.parent)
        self._file = file
        self.log = directory / "runs.log"

    def __enter__(self) -> DagRuns:
        self._home.make_database()
        self._process = AnsweringProcess("testbed.dag_runs", [str(self._file)], self._home.env, self.log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.end()

    def run(self, dag_id: str, conf: Mapping[str, Any], env: Mapping[str, str]) -> DagRunOutcome:
        """
        Run a DAG to its end.

        :param env: what is set in the environment from now on, for the DAG file.
        """
        return DagRunOutcome(**self._process.ask({"dag": dag_id, "conf": conf, "env": env}))


def _serve(answers: int, file: str) -> None:
    import runpy

    from airflow.sdk import DAG

    with os.fdopen(answers, "w") as out:
        for line in sys.stdin:
            asked = json.loads(line)
            os.environ.update(asked["env"])
            made = runpy.run_path(file).values()
            dag = next(one for one in made if isinstance(one, DAG) and one.dag_id == asked["dag"])
            run = dag.test(run_conf=asked["conf"])
            tasks = {one.task_id: str(one.state or "") for one in run.get_task_instances()}
            out.write(json.dumps({"state": str(run.state), "tasks": tasks}) + "\n")
            out.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2])
