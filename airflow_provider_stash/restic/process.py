"""Starts restic: the only module that does. Nothing secret is ever in its arguments."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from airflow_provider_stash.exceptions import BackendError, ResticNotInstalledError
from airflow_provider_stash.restic import guard
from airflow_provider_stash.restic.descriptors import open_pipe, secret_file
from airflow_provider_stash.restic.errors import is_hopeless, translate
from airflow_provider_stash.restic.invocation import build_environment, build_flags
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.words import last_words, redact

_STDERR_KEPT = 1 << 16
_OUTPUT_READ = 1 << 20
_LOOK_SECONDS, _CLOSE_LOOK_SECONDS = 0.5, 0.1
_PROGRESS_FPS = "0.2"  # a line each 5 s


@dataclass(frozen=True, slots=True)
class Output:
    """What restic wrote."""

    stdout: str
    stderr: str


class ResticProcess:
    """
    A running restic, under its guard; a context manager that interrupts it when it is left early.

    :param repository: which it works on.
    :param arguments: command and flags; no secrets.
    :param stdin: open a pipe to its standard input, see ``stdin_fd``.
    :param stdout: descriptor of a file for its standard output; None: that is kept until the end.
    :param files: flags whose value is a file with this content, such as ``--new-password-file``.
    :param follow: called with each line of its standard output as it comes, progress among them.
    """

    def __init__(
        self,
        repository: Repository,
        arguments: Sequence[str],
        *,
        stdin: bool = False,
        stdout: int | None = None,
        files: Mapping[str, bytes] | None = None,
        follow: Callable[[str], None] | None = None,
    ) -> None:
        self.repository = repository
        self.arguments = list(arguments)
        self._wants_stdin, self._target = stdin, stdout
        self._files = dict(files or {})
        self._follow, self._followed = follow, 0
        self._stack = contextlib.ExitStack()
        self._ended = False
        self._left = threading.Event()
        self._hopeless: str | None = None

    def __enter__(self) -> ResticProcess:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: contextlib.ExitStack) -> None:
        restic = shutil.which(self.repository.restic)
        if restic is None:
            raise ResticNotInstalledError(
                f"The program {self.repository.restic!r} is not to be found where this task runs. Install restic "
                "(apt-get install restic), or set its path in the restic connection."
            )
        environment = build_environment(self.repository)
        flags = build_flags(self.repository)
        passed: list[int] = []
        for variable, content in self.repository.secret_files.items():
            environment[variable] = secret_file(stack, content, passed)
        files = {
            "--cacert": self.repository.ca_cert,
            "--tls-client-cert": self.repository.client_cert,
            **self._files,
        }
        for flag, value in files.items():
            if value is not None:
                flags += [flag, secret_file(stack, value, passed)]
        if self._follow is not None:
            environment["RESTIC_PROGRESS_FPS"] = _PROGRESS_FPS
        self._stdout, self._stderr = (_kept(stack) for _ in range(2))
        # In the worker, and so in every child not told otherwise, all of these close on exec.
        control_read, self._control = open_pipe(stack)
        childs = [control_read]
        stdin: int = subprocess.DEVNULL
        hold = -1
        if self._wants_stdin:
            read_end, self._stdin = open_pipe(stack)
            stdin, hold = read_end.number, self._stdin.number
            childs.append(read_end)
        numbers = ",".join(map(str, passed)) or "-"
        # restic's arguments name files by number, so the guard must see them under the same numbers.
        with _unending():
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(control_read.number), str(hold), numbers,
                 restic, *self.arguments, *flags],
                stdin=stdin,
                stdout=self._stdout.fileno() if self._target is None else self._target,
                stderr=self._stderr.fileno(),
                env=environment,
                pass_fds=[control_read.number, *([hold] if hold >= 0 else []), *passed],
                start_new_session=True,
            )  # fmt: skip
            stack.callback(self._abort)
        for end in childs:
            end.close()
        if self._wants_stdin:
            watch = threading.Thread(target=self._watch, name="restic-watch", daemon=True)
            watch.start()
            stack.callback(watch.join)
            stack.callback(self._left.set)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def stdin_fd(self) -> int:
        """The write end of the pipe to restic's standard input."""
        return self._stdin.number

    def close_stdin(self) -> None:
        """Tell restic that its input is whole: only now can it see the end."""
        self._say(guard.COMMIT)
        self._stdin.close()

    def finish(self, timeout: float | None = None, *, look: Callable[[], None] | None = None) -> Output:
        """
        Wait for restic's end.

        :param timeout: seconds; None: without limit.
        :param look: called again and again meanwhile.
        :raises ResticError: it failed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not _ends_within(self._process, _LOOK_SECONDS if look is None else _CLOSE_LOOK_SECONDS):
            self._tell()
            if look is not None:
                look()
            self._give_up_in_time(deadline, timeout)
        code = self._process.wait()
        self._ended = True
        self._tell()
        output = Output(_read(self._stdout), _read(self._stderr, _STDERR_KEPT))
        if code and self._hopeless is not None:
            raise translate(self.repository, self.arguments[0], 1, self._hopeless)
        if code:
            raise translate(self.repository, self.arguments[0], code, output.stderr or output.stdout)
        return output

    def _tell(self) -> None:
        """Give the whole lines that have come since the last look to ``follow``."""
        if self._follow is None:
            return
        new = os.pread(self._stdout.fileno(), _OUTPUT_READ, self._followed)
        end = new.rfind(b"\n") + 1
        self._followed += end
        for line in new[:end].decode(errors="replace").splitlines():
            if line.strip():
                self._follow(redact(self.repository, line.strip()))

    def _give_up_in_time(self, deadline: float | None, timeout: float | None) -> None:
        """
        End a restic that goes on trying what can't succeed, or that takes too long.

        :raises ResticError: it was ended.
        """
        text = _read(self._stderr, _STDERR_KEPT)
        hopeless = is_hopeless(text)
        if not hopeless and (deadline is None or time.monotonic() < deadline):
            return
        self._abort()
        self._ended = True
        if hopeless:
            raise translate(self.repository, self.arguments[0], 1, text)
        raise BackendError(
            f"restic {self.arguments[0]}: {self.repository.redacted_location} did not answer within "
            f"{timeout:.0f} s. {last_words(self.repository, text)}"
        )

    def _watch(self) -> None:
        """End a restic that tries what can't succeed and reads no input meanwhile: who writes to it can't look."""
        while not self._left.wait(_LOOK_SECONDS):
            text = _read(self._stderr, _STDERR_KEPT)
            if is_hopeless(text):
                self._hopeless = text
                self._say(guard.KILL)
                return

    def failure(self) -> None:
        """
        Raise what restic says, when it has gone by itself while it was still being written to or read from.

        :raises ResticError: its reason.
        """
        self._say(guard.KILL)
        self.finish()

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # restic has ended, and its guard with it
            os.write(self._control.number, word)

    def _abort(self) -> None:
        if not self._ended:
            self._say(guard.KILL)
            # The write end of its input stays open until it has gone: see guard.
            self._process.wait()


def run(
    repository: Repository,
    arguments: Sequence[str],
    *,
    timeout: float | None = None,
    files: Mapping[str, bytes] | None = None,
    follow: Callable[[str], None] | None = None,
) -> Output:
    """
    Run restic to its end.

    :param arguments: command and flags; no secrets.
    :param timeout: seconds; None: restic has time-outs of its own, of many minutes.
    :param files: flags whose value is a file with this content.
    :param follow: called with each line of its standard output as it comes, progress among them.
    :raises ResticError: it failed, or took longer.
    """
    with ResticProcess(repository, arguments, files=files, follow=follow) as process:
        return process.finish(timeout)


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a process without asking again and again, as ``Popen.wait`` with a time-out does."""
    if not hasattr(os, "pidfd_open"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None
    if process.poll() is None:
        fd = os.pidfd_open(process.pid)
        try:
            select.select([fd], [], [], seconds)
        finally:
            os.close(fd)
    return process.poll() is not None


@contextlib.contextmanager
def _unending() -> Iterator[None]:
    """Block the signals that end a process: for a guard that is started now, and for this thread until it is."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kept(stack: contextlib.ExitStack) -> IO[bytes]:
    """Make a file without a name for restic's output: no pipe to be kept empty."""
    return stack.enter_context(tempfile.TemporaryFile())


def _read(file: IO[bytes], last: int | None = None) -> str:
    size = os.fstat(file.fileno()).st_size
    start = max(0, size - last) if last else 0
    # pread: the file's offset is where restic, which may still run, writes next.
    return os.pread(file.fileno(), size - start, start).decode(errors="replace")


def json_lines(text: str) -> Iterator[str]:
    """Give the lines of restic's output that are JSON objects or lists; the others are for people."""
    for line in text.splitlines():
        if line.startswith(("{", "[")):
            yield line
