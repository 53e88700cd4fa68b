"""File descriptors for restic: pipes, and files with secrets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = 1031


class Fd:
    """A file descriptor that is closed once: its number may be another's afterwards."""

    def __init__(self, stack: contextlib.ExitStack, number: int) -> None:
        self.number = number
        stack.callback(self.close)

    def close(self) -> None:
        """Close it, unless that has been done."""
        if self.number >= 0:
            number, self.number = self.number, -1
            os.close(number)


def open_pipe(stack: contextlib.ExitStack) -> tuple[Fd, Fd]:
    """Make a pipe, closed with the stack at the latest; gives its read end and its write end."""
    read_end, write_end = (Fd(stack, number) for number in os.pipe())
    with contextlib.suppress(OSError):  # a larger pipe saves switches; nothing depends on it
        fcntl.fcntl(write_end.number, _F_SETPIPE_SZ, _PIPE_SIZE)
    return read_end, write_end


def secret_file(stack: contextlib.ExitStack, content: bytes, passed: list[int]) -> str:
    """
    Give restic a file: one in memory where the system has such, so that not even a kill leaves it behind.

    :param passed: gains the file's descriptor, which restic must inherit.
    :return: the path under which restic finds it.
    """
    if hasattr(os, "memfd_create"):
        fd = Fd(stack, os.memfd_create("stash")).number
        os.write(fd, content)
        passed.append(fd)
        return f"/proc/self/fd/{fd}"
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="stash-"))
    path = Path(directory, "secret")
    path.touch(mode=0o600)
    path.write_bytes(content)
    return str(path)
