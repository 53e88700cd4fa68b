"""Answers that go on: watches, logs, and the WebSocket of ``exec``."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import Callable

from aiohttp import WSMsgType, web

from tests.kubesim.kubelet import Kubelet
from tests.kubesim.objects import ApiError, Object, Resource, now
from tests.kubesim.store import Change, Store

_TRUE = {"true", "True", "1"}
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_BLOCK = 1 << 16


async def serve_watch(
    request: web.Request, store: Store, resource: Resource, fits: Callable[[Object], bool]
) -> web.StreamResponse:
    """
    Tell the changes after ``resourceVersion``; without one, first what there is.

    :raises ApiError: 410 when that version is forgotten.
    """
    begin = int(request.query.get("resourceVersion") or 0)
    if begin and store.history and begin < store.history[0].version - 1:
        raise ApiError(410, "Expired", f"too old resource version: {begin} ({store.history[0].version})")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    with store.changes() as queue:
        if begin:
            known = [change for change in store.history if change.version > begin]
        else:
            known = [Change(0, "ADDED", resource, thing) for thing in store.all(resource)]
        await response.prepare(request)
        end = asyncio.get_running_loop().time() + float(request.query.get("timeoutSeconds") or 1800)
        with contextlib.suppress(asyncio.TimeoutError, ConnectionResetError):
            for change in known:
                await _tell(response, change, resource, fits)
            last = max((change.version for change in known), default=0)
            while True:
                left = end - asyncio.get_running_loop().time()
                change = await asyncio.wait_for(queue.get(), max(left, 0))
                if change.version > last:
                    await _tell(response, change, resource, fits)
    return response


async def _tell(
    response: web.StreamResponse, change: Change, resource: Resource, fits: Callable[[Object], bool]
) -> None:
    if change.resource is resource and fits(change.object):
        await response.write(json.dumps({"type": change.kind, "object": change.object}).encode() + b"\n")


async def serve_log(request: web.Request, kubelet: Kubelet, pod: Object) -> web.StreamResponse:
    """Give a container's output; ``follow`` goes on until it ends."""
    query, name = request.query, pod["metadata"]["name"]
    container = _container(query.get("container"), pod)
    output = kubelet.output(pod, container, previous=query.get("previous") in _TRUE)
    if output is None:
        what = "previous terminated container" if query.get("previous") in _TRUE else "container"
        message = f'{what} "{container}" in pod "{name}" is waiting to start: ContainerCreating'
        raise ApiError(400, "BadRequest", message)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    since = now() - dt.timedelta(seconds=int(query["sinceSeconds"])) if query.get("sinceSeconds") else None
    place = max(0, len(output.lines) - int(query["tailLines"])) if query.get("tailLines") else 0
    while True:
        while place < len(output.lines):
            when, line = output.lines[place]
            place += 1
            if since is None or when >= since:
                stamp = (
                    when.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()
                    if query.get("timestamps") in _TRUE
                    else b""
                )
                await response.write(stamp + line)
        if output.done or query.get("follow") not in _TRUE:
            return response
        await output.wait(place)


def _container(asked: str | None, pod: Object) -> str:
    """Give the container that is meant; without a name the only one, as the API server has it."""
    name = pod["metadata"]["name"]
    mains, inits = (
        [one["name"] for one in pod["spec"].get(kind) or []] for kind in ("containers", "initContainers")
    )
    if asked and asked not in mains + inits:
        raise ApiError(400, "BadRequest", f"container {asked} is not valid for pod {name}")
    if asked or len(mains) == 1:
        return asked or mains[0]
    choice = f"choose one of: [{' '.join(mains)}]"
    if inits:
        choice += f" or one of the init containers: [{' '.join(inits)}]"
    raise ApiError(400, "BadRequest", f"a container name must be specified for pod {name}, {choice}")


async def serve_exec(request: web.Request, kubelet: Kubelet, pod: Object) -> web.StreamResponse:
    """Run a command in a container; input, output and outcome go over a WebSocket."""
    query = request.query
    container = _container(query.get("container"), pod)
    argv = kubelet.exec_command(pod, container, query.getall("command"))
    if argv is None:
        raise ApiError(500, "InternalError", f'container not found ("{container}")')
    socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
    await socket.prepare(request)
    wants_stdin = query.get("stdin") in _TRUE
    process = await asyncio.create_subprocess_exec(
        *argv[0], env=argv[1],
        stdin=asyncio.subprocess.PIPE if wants_stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    reader = asyncio.create_task(_feed(socket, process))
    try:
        await asyncio.gather(_pump(process.stdout, socket, _STDOUT), _pump(process.stderr, socket, _STDERR))
        await socket.send_bytes(bytes([_ERROR]) + json.dumps(_outcome(await process.wait())).encode())
    except ConnectionError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    finally:
        await socket.close()
        reader.cancel()
    return socket


async def _pump(source: asyncio.StreamReader | None, socket: web.WebSocketResponse, channel: int) -> None:
    assert source is not None
    while block := await source.read(_BLOCK):
        await socket.send_bytes(bytes([channel]) + block)


async def _feed(socket: web.WebSocketResponse, process: asyncio.subprocess.Process) -> None:
    async for message in socket:
        if message.type in {WSMsgType.BINARY, WSMsgType.TEXT} and process.stdin is not None:
            data = message.data.encode() if isinstance(message.data, str) else message.data
            if data and data[0] == _CLOSE:
                process.stdin.close()
            elif data and data[0] == _STDIN:
                process.stdin.write(data[1:])
                await process.stdin.drain()
    if process.returncode is None:  # who asked has gone
        process.kill()


def _outcome(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }  # fmt: skip
