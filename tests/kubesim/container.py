"""One run of one container: processes in namespaces of their own, on an overlay of this host's root."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import marshal
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.kubesim import root
from tests.kubesim.images import SYSTEM_PATH
from tests.kubesim.limits import memory_limit, out_of_memory
from tests.kubesim.objects import Object, now
from tests.kubesim.volumes import maps_many_users

_CHECKOUT = Path(__file__).parents[2]
_LONGEST_LINE = 16 << 20
_POLL = 0.02
_EXEC_SECONDS = 0.1


class Output:
    """What a container wrote, line by line, with the times."""

    def __init__(self) -> None:
        self.lines: list[tuple[dt.datetime, bytes]] = []
        self.done = False
        self._news = asyncio.Event()

    def add(self, line: bytes) -> None:
        """Take a line."""
        self.lines.append((now(), line))
        self._wake()

    def end(self) -> None:
        """Nothing more will come."""
        self.done = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, place: int) -> None:
        """Wait until there are more lines than so many, or the end."""
        while len(self.lines) <= place and not self.done:
            await self._news.wait()


class ContainerRun:
    """
    One run of a container.

    :param base: a directory of its own, for its root.
    :param netns: file of its pod's network namespace.
    :param hosts_file: its /etc/hosts.
    :param mounts: host directory of each volume.
    :param environment: all its variables.
    :param argv: what it runs.
    :param security: its security context.
    """

    def __init__(
        self,
        container: Object,
        *,
        hostname: str,
        base: Path,
        netns: Path,
        hosts_file: Path,
        mounts: Mapping[str, Path],
        environment: Mapping[str, str],
        argv: Sequence[str],
        security: Mapping[str, Any],
    ) -> None:
        self.output = Output()
        self.environment = dict(environment)
        self.pid: int | None = None
        self.begun = asyncio.Event()
        """Set when its own program runs, or has ended."""
        self.out_of_memory = False
        """Whether it was killed for its memory."""
        self._killed = False
        self._container, self._hostname, self._base, self._netns = container, hostname, base, netns
        self._hosts_file, self._mounts, self._argv, self._security = hosts_file, mounts, argv, security

    async def run(self, grace: asyncio.Future[int]) -> int:
        """
        Run it to its end, or until ``grace`` is set: then it has that many seconds to end.

        :return: its exit code, 128 and the signal's number when one ended it.
        """
        for name in ("root", "upper", "work"):
            (self._base / name).mkdir(parents=True, exist_ok=True)
        # unshare's child is the container's first process; it ends with unshare, and that with the simulator.
        process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self._netns}",
            "unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL",
            sys.executable, "-I", "-S", root.__file__, marshal.dumps(self._plan()).hex(),
            env={**self.environment, "PATH": SYSTEM_PATH, "KUBESIM_PATH": self.environment.get("PATH", SYSTEM_PATH)},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True, limit=_LONGEST_LINE,
        )  # fmt: skip
        reader = asyncio.create_task(self._read(process))
        memory: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self.pid = await _child(process)
            await self._wait_for_program(reader)
            self.begun.set()
            if (limit := memory_limit(self._container)) is not None and self.pid is not None:
                memory = asyncio.ensure_future(out_of_memory(self.pid, limit))
            waits: set[asyncio.Future[Any]] = {reader, grace, memory}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not reader.done() and memory.done():
                self.out_of_memory = True
                self.kill()
            elif not reader.done():
                await self._end(reader, grace.result())
            code = await process.wait()
        finally:
            memory.cancel()
            self._signal(signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self.pid = None
            await reader
            self.output.end()
            self.begun.set()
        if self._killed:  # of which unshare tells nothing
            return 128 + signal.SIGKILL
        return code if code >= 0 else 128 - code

    @property
    def layer(self) -> Path:
        """Directory with what it wrote elsewhere than on its volumes."""
        return self._base / "upper"

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.output.add(line)

    async def _end(self, reader: asyncio.Task[None], seconds: int) -> None:
        if seconds:
            self._signal(signal.SIGTERM)
            await asyncio.wait({reader}, timeout=seconds)
        if not reader.done():
            self.kill()

    async def _wait_for_program(self, reader: asyncio.Task[None]) -> None:
        """Wait until its own program is there to take a signal: what makes its root, as process 1, would not."""
        while not reader.done():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{self.pid}/root") != "/":  # noqa: PTH115 - it is no path here
                    break
            await asyncio.sleep(_POLL)
        await asyncio.wait({reader}, timeout=_EXEC_SECONDS)

    def kill(self) -> None:
        """End it at once."""
        self._killed = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def exec_command(self, command: Sequence[str]) -> list[str] | None:
        """Give the command that runs another one in the container; None when it does not run."""
        if self.pid is None:
            return None
        enter = ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-u", "-i", "-r", "-w", "--"]
        user = self._user()
        if user:
            enter += ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", f"--groups={user[2]}"]
        return [*enter, *command]

    def _user(self) -> tuple[int, int, int] | None:
        user = self._security.get("runAsUser")
        if user is None or not maps_many_users():
            return None
        group = self._security.get("runAsGroup", 0)
        return user, group, self._security.get("fsGroup", group)

    def _plan(self) -> dict[str, Any]:
        """Say what its first process makes and becomes."""
        mounts = []
        for mount in self._container.get("volumeMounts") or []:
            source = self._mounts[mount["name"]]
            if mount.get("subPath"):
                source /= mount["subPath"]
                if not source.exists():
                    source.mkdir(parents=True)
            mounts.append((str(source), mount["mountPath"], bool(mount.get("readOnly"))))
        if any(_CHECKOUT.is_relative_to(path) for _, path, _ in mounts):
            # The programs of images must not vanish behind a volume, such as one on /tmp.
            mounts.append((str(_CHECKOUT), str(_CHECKOUT), True))
        return {
            "base": str(self._base), "hostname": self._hostname, "hosts": str(self._hosts_file), "mounts": mounts,
            "readOnly": bool(self._security.get("readOnlyRootFilesystem")), "user": self._user(),
            "directory": self._container.get("workingDir") or "/", "argv": list(self._argv),
        }  # fmt: skip


async def _child(process: asyncio.subprocess.Process) -> int | None:
    """Wait for unshare's child; None when it ended before it was seen."""
    while process.returncode is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            if children:
                return int(children[0])
        await asyncio.sleep(0.005)
    return None
