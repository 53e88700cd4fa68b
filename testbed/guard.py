"""
Ends what this process started, when this process is killed before it could do so itself.

A second process holds the end of a pipe: when that closes, its parent is gone, and it kills what is on its list.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

_MEMBERCTL = Path(__file__).with_name("memberctl.py")
_GRACE_SECONDS = 10.0
_guards: dict[int, subprocess.Popen[str]] = {}


def watch(thing: int | Path) -> None:
    """Put on the list: a process group's id, or the control file of a member (``testbed.memberctl``)."""
    _tell(f"+{thing}")


def release(thing: int | Path) -> None:
    """Take off the list what has ended."""
    _tell(f"-{thing}")


def _tell(line: str) -> None:
    # One guard a process: a fork shares its parent's pipe, and must not wait for its parent's end.
    guard = _guards.get(os.getpid())
    if guard is None:
        guard = _guards[os.getpid()] = subprocess.Popen(
            [sys.executable, "-IS", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
    assert guard.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        guard.stdin.write(f"{line}\n")
        guard.stdin.flush()


def main(lines: Iterable[str]) -> None:
    """Keep the list until the pipe closes, then end what is on it."""
    listed: dict[str, None] = {}
    for line in lines:
        if line[0] == "+":
            listed[line[1:].strip()] = None
        else:
            listed.pop(line[1:].strip(), None)
    groups = [int(thing) for thing in listed if thing.isdigit()]
    for thing in listed:
        if not thing.isdigit():
            subprocess.run([sys.executable, "-IS", str(_MEMBERCTL), thing, "kill"], check=False)
    deadline = time.monotonic() + _GRACE_SECONDS
    while groups := [group for group in groups if _signal(group, signal.SIGTERM)]:
        time.sleep(0.5)
        if time.monotonic() > deadline:
            for group in groups:
                _signal(group, signal.SIGKILL)
            break


def _signal(group: int, number: signal.Signals) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main(sys.stdin)
