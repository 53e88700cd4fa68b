"""Readiness probes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import aiohttp

from tests.kubesim.container import ContainerRun
from tests.kubesim.objects import Object


async def watch(probe: Object, run: ContainerRun, address: str, tell: Callable[[bool], None]) -> None:
    """
    Ask again and again, until cancelled, or the container has ended: a cancellation that comes together with an answer,
    as when a container's end ends the probe's program, is lost in ``asyncio.wait_for`` before Python 3.12.

    :param address: of the pod.
    :param tell: gets whether the container is ready, after each answer.
    """
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    good = bad = 0
    while True:
        try:
            passed = await asyncio.wait_for(_ask(probe, run, address), probe.get("timeoutSeconds", 1))
        except (OSError, asyncio.TimeoutError, aiohttp.ClientError):
            passed = False
        if run.pid is None:
            return
        good, bad = (good + 1, 0) if passed else (0, bad + 1)
        if good >= probe.get("successThreshold", 1):
            tell(True)
        elif bad >= probe.get("failureThreshold", 3):
            tell(False)
        await asyncio.sleep(probe.get("periodSeconds", 10))


async def _ask(probe: Object, run: ContainerRun, address: str) -> bool:
    if "tcpSocket" in probe:
        _, writer = await asyncio.open_connection(
            probe["tcpSocket"].get("host", address), int(probe["tcpSocket"]["port"])
        )
        writer.close()
        return True
    if "httpGet" in probe:
        get = probe["httpGet"]
        scheme = get.get("scheme", "HTTP").lower()
        url = f"{scheme}://{get.get('host', address)}:{get['port']}{get.get('path', '/')}"
        async with aiohttp.ClientSession() as session, session.get(url, ssl=False) as answer:
            return 200 <= answer.status < 400
    command = run.exec_command(probe["exec"]["command"])
    if command is None:
        return False
    process = await asyncio.create_subprocess_exec(
        *command, env=run.environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
