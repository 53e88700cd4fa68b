"""
Stands between a worker and its restic, and outlives the worker if it must.

Run as ``python -I -S guard.py CONTROL HOLD PASS RESTIC ARGUMENT...``. CONTROL is the read end of a pipe from the
worker; HOLD the write end of restic's standard input, or -1; PASS the file descriptors that restic
inherits, comma separated, or ``-``. restic takes the end of its input for the end of the data: were the
worker killed in the middle of a stream, a truncated snapshot would result. So the guard holds the pipe
open too, and lets it go only when the worker says ``c`` (commit). When the control pipe ends while restic
runs, or brings ``k``, restic is interrupted, which makes it remove its lock, and killed if that takes
longer than GRACE seconds.

The signals that end a process are blocked when it starts, and for restic they are not: whoever ends all processes at
once, as systemd does, ends restic by its own rules, and the guard sees it off. Each start of restic waits for this
program's, so it imports little: ``signal`` alone would take a third of it.
"""

from __future__ import annotations

import os
import select
import sys
import time

GRACE = 3.0
COMMIT, KILL = b"c", b"k"
_SIGHUP, _SIGINT, _SIGKILL, _SIGTERM = 1, 2, 9, 15
_POLL_SECONDS = 0.1


def main(control: int, hold: int, passed: list[int], command: list[str]) -> int:
    """Start restic, watch it, and give its exit code."""
    for fd in passed:
        os.set_inheritable(fd, True)
    os.set_inheritable(control, False)
    if hold >= 0:
        os.set_inheritable(hold, False)
    # A worker may have been started with some ignored, as by nohup; restic must heed them.
    ending = (_SIGHUP, _SIGINT, _SIGTERM)
    try:
        child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, setsigmask=(), setsigdef=ending)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        return 127
    ended = _end_of(child)
    watched = [control, *([] if ended is None else [ended])]
    deadline: float | None = None
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) % 256
        if deadline is not None and time.monotonic() >= deadline:
            os.killpg(child, _SIGKILL)
            deadline = None
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        if ended is None:
            timeout = _POLL_SECONDS
        ready, _, _ = select.select(watched, [], [], timeout)
        if control in ready:
            word = os.read(control, 1)
            if word == COMMIT:
                os.close(hold)
            else:
                watched.remove(control)
                os.killpg(child, _SIGINT)
                deadline = time.monotonic() + GRACE


def _end_of(child: int) -> int | None:
    """Give a file descriptor that can be read when a process has ended; None where the system has none."""
    try:
        return os.pidfd_open(child)
    except (AttributeError, OSError):
        return None


if __name__ == "__main__":
    fds = [] if sys.argv[3] == "-" else [int(fd) for fd in sys.argv[3].split(",")]
    os._exit(main(int(sys.argv[1]), int(sys.argv[2]), fds, sys.argv[4:]))
