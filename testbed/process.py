"""A server process: started in its own session, waited for until it answers, stopped by its id."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from testbed import guard

_PORTS = range(15000, 32768)
"""Below what systems take for outgoing connections: one of those could hold a server's port while it restarts."""
_taken: set[int] = set()
_promises: list[int] = []


def free_port() -> int:
    """
    Find a port on the loopback address that nothing listens on, another one each time.

    It is promised to this process until that ends: a server that is stopped gets its port again, and what runs beside
    this process, other tests, does not take it.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.choice(_PORTS)
        if port not in _taken:
            with contextlib.suppress(OSError), socket.socket() as probe:
                fcntl.lockf(_promises_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _taken.add(port)
                probe.bind(("127.0.0.1", port))
                return port


def _promises_file() -> int:
    """Give the file of which each byte is a port, locked by the process that it is promised to."""
    if not _promises:
        path = Path(tempfile.gettempdir()) / f"stash-testbed-ports-{os.getuid()}"
        _promises.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return _promises[0]


def listens(port: int) -> bool:
    """Tell whether something accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def command_lines() -> Iterator[tuple[int, list[str]]]:
    """Give this machine's processes as they are found: id, and the words of the command line."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - a Path's glob fails for a process that ends meanwhile
        if name.isdecimal():
            with contextlib.suppress(OSError):
                text = Path("/proc", name, "cmdline").read_bytes().decode(errors="replace")
                yield int(name), text.rstrip("\0").split("\0")


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    """Poll until it is so, or raise ``TimeoutError``."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.05)


class Server:
    """
    A program that serves until it is stopped.

    :param command: program and arguments.
    :param log: file for its output.
    :param env: its environment; None: this process's.
    """

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.command, self.log, self.env = list(command), log, env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                start_new_session=True,
            )
        guard.watch(self.process.pid)

    def wait_ready(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until ``ready``; when it ends or takes too long, its last words are in the error."""
        deadline = time.monotonic() + timeout
        while not ready():
            dead = self.process is None or self.process.poll() is not None
            if dead or time.monotonic() > deadline:
                words = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                state = "ended" if dead else f"is not ready after {timeout:.0f} s"
                raise RuntimeError(f"{self.command[0]} {state}; {self.log} ends:\n{words}")
            time.sleep(0.05)

    def stop(self, timeout: float = 15.0, *, ask_children: bool = True) -> None:
        """
        Stop it; what is left of it and of its children after that time is killed.

        :param ask_children: send SIGTERM to its children too, not only to itself.
        """
        if self.process is None:
            return
        self.ask_to_end(children=ask_children)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        guard.release(self.process.pid)
        self.process = None

    def ask_to_end(self, *, children: bool) -> None:
        """Send SIGTERM, and don't wait."""
        if self.process is not None and self.process.poll() is None:
            (os.killpg if children else os.kill)(self.process.pid, signal.SIGTERM)
