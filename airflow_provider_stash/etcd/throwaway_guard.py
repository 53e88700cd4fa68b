"""
Stands between a worker and its throw-away etcd, and ends that when the worker is gone.

Run as ``python -I -S throwaway_guard.py DIRECTORY ETCD ARGUMENT...``. Its standard input is a pipe that the worker
holds. When that ends, as it also does when the worker is killed outright, etcd is killed: its data is thrown
away anyhow. In the end DIRECTORY, which holds etcd's sockets, is removed.

restic has a guard of its own, which has more to see to: restic's input, and time to remove its lock.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys

NOT_RUN = 127
_LOOK_SECONDS = 0.1


def main(directory: str, command: list[str]) -> int:
    """Run etcd until it ends or the worker is gone, and give its exit code."""
    # Whoever ends all processes at once, as systemd does, ends etcd; the directory is still to be removed.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    try:
        return _run(command)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(command: list[str]) -> int:
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    try:
        # In the guard's process group, which the worker ends if the guard itself was killed.
        child = os.posix_spawnp(command[0], command, os.environ, file_actions=[no_input], setsigmask=())
    except OSError as error:
        os.write(2, f"{error.strerror}\n".encode())
        return NOT_RUN
    done, status = os.waitpid(child, os.WNOHANG)
    while not done:
        is_left = bool(select.select([0], [], [], _LOOK_SECONDS)[0])
        if is_left:
            os.kill(child, signal.SIGKILL)
        done, status = os.waitpid(child, 0 if is_left else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
