"""What tests of several rooms share."""

import os

import pytest

from testbed import fresh_airflow
from testbed.answering_process import AnsweringProcess


@pytest.fixture(scope="session")
def fresh_airflow_process(tmp_path_factory):
    log = tmp_path_factory.mktemp("fresh") / "log"
    process = AnsweringProcess(fresh_airflow.__name__, [], os.environ, log)
    yield process
    process.end()


@pytest.fixture(scope="session")
def in_fresh_airflow(fresh_airflow_process):
    """Run code in a process that has imported Airflow alone; give what it printed."""

    def run(code):
        answer = fresh_airflow_process.ask(code)
        assert answer["error"] is None, answer["error"]
        return answer["out"]

    return run
