"""
Starts and stops one etcd member, as systemd would: ``python -m testbed.memberctl FILE start|stop|kill``.

FILE is JSON: ``command`` (the member's), ``log``, ``pid_file``. The member runs on when this program has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_STOP_SECONDS = 20.0


def main(file: str, verb: str) -> None:
    """Carry out one verb."""
    state = json.loads(Path(file).read_text())
    pid_file = Path(state["pid_file"])
    pid = int(pid_file.read_text()) if pid_file.exists() else 0
    if verb == "start":
        if not alive(pid):
            _start(state, pid_file)
    elif pid and alive(pid):
        _stop(pid, signal.SIGKILL if verb == "kill" else signal.SIGTERM)
        pid_file.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Tell whether a process is there, and no zombie: as such it has files and ports until its last thread has ended."""
    if not Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            os.kill(pid or 1 << 30, 0)
            return True
        return False
    process = Path(f"/proc/{pid}")
    with contextlib.suppress(OSError, IndexError):
        zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return bool(pid) and (not zombie or len(list((process / "task").iterdir())) > 1)
    return False


def _start(state: dict[str, Any], pid_file: Path) -> None:
    # By a shell that ends, so that nobody has to wait for it.
    script = 'log=$1; shift; "$@" < /dev/null >> "$log" 2>&1 & echo $!'
    command = ["sh", "-c", script, "sh", state["log"], *state["command"]]
    pid_file.write_text(subprocess.check_output(command, text=True, start_new_session=True))


def _stop(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)
    deadline = time.monotonic() + _STOP_SECONDS
    while alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
