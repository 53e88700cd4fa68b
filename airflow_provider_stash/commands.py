"""Runs programs side by side, and leaves none of them behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Finished:
    """
    How a program ended.

    :param output: what it wrote to standard output.
    :param failure: empty when it succeeded; else how it failed, with its last words.
    :param errors: what it wrote to standard error, when it failed.
    """

    output: str
    failure: str
    errors: str = ""


def run_all(
    commands: Sequence[Sequence[str]],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    between: Callable[[int], object] | None = None,
) -> list[Finished]:
    """
    Run programs side by side and wait for all of them.

    Their output goes to files, not pipes: what a start command leaves running may keep it open.
    When the call is interrupted, they are killed with their process groups.

    :param commands: each a program and its arguments; no shell.
    :param timeout: seconds for all of them, once all are started; one that takes longer is killed and counts as failed.
    :param env: the environment; None: this process's own.
    :param between: called with each one's number in ``commands`` before the next is started.
    :return: how each ended, in their order.
    """
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        started: list[subprocess.Popen[bytes] | OSError] = []
        try:
            for command, output, error in zip(commands, outputs, errors, strict=True):
                if started and between is not None:
                    between(len(started) - 1)
                started.append(_start(command, output, error, env))
            deadline = time.monotonic() + timeout
            for process in started:
                if isinstance(process, subprocess.Popen):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(max(0.0, deadline - time.monotonic()))
            return [
                _finished(process, output, error, timeout)
                for process, output, error in zip(started, outputs, errors, strict=True)
            ]
        finally:
            for process in started:
                if isinstance(process, subprocess.Popen) and process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _start(
    command: Sequence[str], output: IO[bytes], error: IO[bytes], env: Mapping[str, str] | None
) -> subprocess.Popen[bytes] | OSError:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=error,
            env=env,
            start_new_session=True,
        )
    except OSError as raised:
        return raised


def _finished(
    process: subprocess.Popen[bytes] | OSError, output: IO[bytes], error: IO[bytes], timeout: float
) -> Finished:
    if isinstance(process, OSError):
        return Finished("", f"it could not be run: {process.strerror}")
    written = _read(output)
    if process.returncode is None:
        return Finished(written, f"it did not end within {timeout:.0f} s")
    if process.returncode == 0:
        return Finished(written, "")
    errors = _read(error)
    words = (errors or written).strip().splitlines()[-_LAST_LINES:]
    failure = f"exit code {process.returncode}: {' | '.join(words) or 'it said nothing'}"
    return Finished(written, failure, errors)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
