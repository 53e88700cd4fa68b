import os
import signal
import sys
import time

import pytest

from airflow_provider_stash.commands import run_all


def python(code):
    return [sys.executable, "-c", code]


def test_side_by_side_in_order(tmp_path):
    """Each waits for all the others."""
    wait = f"cd {tmp_path}; touch here-$0; until [ $(ls | wc -l) = 3 ]; do sleep 0.05; done; echo $0"
    done = run_all([["sh", "-c", wait, str(number)] for number in range(3)], timeout=60)
    assert [one.output for one in done] == ["0\n", "1\n", "2\n"]


def test_failures_hold_the_last_words():
    bad, missing, good = run_all(
        [python("import sys; sys.stderr.write('why\\n'); sys.exit(4)"), ["/no/such/program"], python("")],
        timeout=10,
    )
    assert bad.failure == "exit code 4: why"
    assert "No such file" in missing.failure
    assert good.failure == ""


def test_what_takes_too_long_is_killed_with_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    command = ["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"]
    assert "did not end within 1 s" in run_all([command], timeout=1)[0].failure
    with pytest.raises(ProcessLookupError):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            os.kill(int(pid_file.read_text()), 0)
            time.sleep(0.05)


def test_a_start_command_may_leave_something_running_that_holds_its_output():
    done = run_all([["sh", "-c", "sleep 600 & echo $!"]], timeout=60)
    assert done[0].failure == ""
    os.kill(int(done[0].output), signal.SIGKILL)  # it was there


def test_one_may_have_to_wait_for_its_turn(tmp_path):
    ended = tmp_path / "ended"

    def wait(number):
        deadline = time.monotonic() + 30
        while not ended.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        turns.append(number)

    turns = []
    first, second = ["sh", "-c", f"sleep 0.2; touch {ended}"], ["cat", str(ended)]
    assert [one.failure for one in run_all([first, second], timeout=30, between=wait)] == ["", ""]
    assert turns == [0]
