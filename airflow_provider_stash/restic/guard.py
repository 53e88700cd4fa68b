"""
Stands between a worker and its restic, and outlives the worker if it must.

Run as ``python -I -S guard.py CONTROL HOLD PASS RESTIC ARGUMENT...``. CONTROL is the read end of a pipe from the
worker; HOLD the write end of restic's standard input, or -1; PASS the file descriptors that restic
inherits, comma separated, or ``-``. restic takes the end of its input for the end of the data: were the
worker killed in the middle of a stream, a truncated snapshot would result. So the guard holds the pipe
open too, and lets it go only when the worker says ``c`` (commit). When the control pipe ends while restic
runs, or brings ``k``, restic is interrupted, which makes it remove its lock, and killed if that takes
longer than GRACE seconds.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

GRACE = 3.0
COMMIT, KILL = b"c", b"k"


def main(control: int, hold: int, passed: list[int], command: list[str]) -> int:
    """Start restic, watch it, and give its exit code."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # Handlers that do nothing, rather than SIG_IGN, which restic would inherit.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    for fd in passed:
        os.set_inheritable(fd, True)
    os.set_inheritable(control, False)
    if hold >= 0:
        os.set_inheritable(hold, False)
    try:
        child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    watched = [control, woken]
    deadline: float | None = None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) % 256
        if deadline is not None and time.monotonic() >= deadline:
            os.killpg(child, signal.SIGKILL)
            deadline = None
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], timeout)
        if woken in ready:
            os.read(woken, 512)
        if control in ready:
            word = os.read(control, 1)
            if word == COMMIT:
                os.close(hold)
            else:
                watched.remove(control)
                os.killpg(child, signal.SIGINT)
                deadline = time.monotonic() + GRACE


if __name__ == "__main__":
    fds = [] if sys.argv[3] == "-" else [int(fd) for fd in sys.argv[3].split(",")]
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), fds, sys.argv[4:]))
