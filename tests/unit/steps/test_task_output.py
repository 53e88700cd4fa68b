"""The files are as Stash's Functions have written them over the years."""

import json

import pytest

from airflow_provider_stash.exceptions import FunctionFailedError
from airflow_provider_stash.steps.call import StepCall
from airflow_provider_stash.steps.task_output import read_output

GOOD = {"hostname": "host-0", "phase": "Succeeded", "duration": "1.5s", "snapshots": [{"name": "1a2b3c4d", "path": "/stash-tmp/data"}]}  # fmt: skip
BAD = {"hostname": "host-0", "phase": "Failed", "error": "exit status 1, reason: no etcd"}


@pytest.fixture
def write(tmp_path):
    def write(output):
        (tmp_path / "output.json").write_text(output if isinstance(output, str) else json.dumps(output))
        return str(tmp_path)

    return write


@pytest.mark.parametrize(
    "output", [{"targetStatus": {"stats": [GOOD]}}, {"hostBackupStats": [GOOD]}, {"hostBackupStats": GOOD}]
)
def test_what_is_told(write, output):
    assert read_output(write(output)) == {"stats": [GOOD], "snapshot": "1a2b3c4d"}


def test_a_restore_and_the_repository(write):
    restored = {"hostname": "host-0", "phase": "Succeeded"}
    assert read_output(write({"hostRestoreStats": [restored]})) == {"stats": [restored]}
    told = read_output(write({"hostBackupStats": [GOOD], "repository": {"integrity": True}}))
    assert told["repository"] == {"integrity": True}


def test_a_failure_that_a_function_ended_well_with(write):
    for output in ({"targetStatus": {"stats": [BAD]}}, {"hostRestoreStats": BAD}):
        with pytest.raises(FunctionFailedError, match="host 'host-0' failed: exit status 1, reason: no etcd"):
            read_output(write(output))


@pytest.mark.parametrize("output", ["", "nothing", "[]", '{"targetStatus": 1}'])
def test_a_file_that_can_not_be_read(write, output):
    with pytest.raises(FunctionFailedError, match=r"output.json can't be read.*What to do"):
        read_output(write(output))


def test_no_file_and_the_call_of_a_job(tmp_path, write):
    call = StepCall("read_output", {"directory": str(tmp_path)})
    assert not call.of_etcd
    assert not call.of_repository
    with pytest.raises(FunctionFailedError, match="No such file"):
        call.run()
    write({"targetStatus": {"stats": [GOOD]}})
    assert call.run()["snapshot"] == "1a2b3c4d"
