"""Runs a command in a container of a pod (pods/exec), as ``kubectl exec`` does."""

from __future__ import annotations

import codecs
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_stash.exceptions import KubernetesError
from airflow_provider_stash.kubernetes.api import translate

log = logging.getLogger(__name__)

_STATUS_CHANNEL = 3
_PING_SECONDS = 15.0
_MOST_LINES = 1000
_LONGEST_LINE = 2000
_LAST_LINES = 5
_LAST_WORDS = 500


@dataclass(frozen=True)
class Ended:
    """
    How a command ended.

    :param code: its exit code; None: it did not run, or its end was not told.
    :param reason: why there is no code, in Kubernetes' own words.
    :param last_words: the end of what it wrote, in one line.
    """

    code: int | None
    reason: str = ""
    last_words: str = ""


def execute(
    api_client: Any,
    *,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    say: Callable[[str], Any] = log.info,
) -> Ended:
    """
    Run a command to its end, however long it takes.

    A lost connection or the end of this process does not end the command: Kubernetes has no way to.

    :param api_client: a ``kubernetes.client.ApiClient``.
    :param command: program and arguments; they stand in the request's URL, as the API wants it.
    :param say: takes each line of its output, the first 1,000; what is longer than 2,000 characters is cut into lines.
    :raises KubernetesPermissionError: it is denied.
    :raises KubernetesError: the pod is not there, its container does not run, or the API can't be reached.
    """
    session = _open(api_client, namespace, pod, container, command)
    output = Output(say)
    try:
        status, lost = _follow(session, output)
    finally:
        session.sock.shutdown()  # its close() leaves the socket open where the other side closed first
    output.end()
    code, reason = read_status(status) if status else (None, f"the connection was lost{lost}; it may go on")
    return Ended(code, reason, output.last_words)


def read_status(status: bytes) -> tuple[int | None, str]:
    """
    Read the Status with which Kubernetes tells a command's end.

    :return: the exit code, 0 for a success; None: there is none, and why.
    """
    try:
        told = json.loads(status)
        if told["status"] == "Success":
            return 0, ""
        for cause in (told.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode":
                return int(cause["message"]), ""
        return None, str(told["message"])
    except (ValueError, KeyError, TypeError):
        return None, "Kubernetes' word on its end can't be read"


class Output:
    """
    What a command writes, line by line: a bounded part of it goes on.

    :param say: takes a line.
    """

    def __init__(self, say: Callable[[str], Any]) -> None:
        self._say, self._rest, self._count = say, "", 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    def add(self, data: bytes, *, final: bool = False) -> None:
        """Take what was written."""
        *lines, self._rest = (self._rest + self._decoder.decode(data, final)).split("\n")
        for line in lines:
            self._line(line)
        while len(self._rest) > _LONGEST_LINE:
            self._piece(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]

    def end(self) -> None:
        """Nothing more will come."""
        self.add(b"", final=True)
        if self._rest:
            self._line(self._rest)
        if self._count > _MOST_LINES:
            self._say(f"... and {self._count - _MOST_LINES} lines more, which are not shown.")

    @property
    def last_words(self) -> str:
        """The end of it, in one line."""
        words = " / ".join(line.strip() for line in self._last)
        return words if len(words) <= _LAST_WORDS else f"...{words[-_LAST_WORDS:]}"

    def _line(self, line: str) -> None:
        line = line.rstrip("\r")
        for begin in range(0, len(line) or 1, _LONGEST_LINE):
            self._piece(line[begin : begin + _LONGEST_LINE])

    def _piece(self, line: str) -> None:
        self._count += 1
        if self._count <= _MOST_LINES:
            self._say(line)
        if line.strip():
            self._last.append(line[-_LAST_WORDS:])


def _open(api_client: Any, namespace: str, pod: str, container: str, command: Sequence[str]) -> Any:
    from kubernetes.client import ApiException, CoreV1Api
    from kubernetes.stream import stream
    from websocket import WebSocketBadStatusException

    try:
        return stream(
            CoreV1Api(api_client).connect_get_namespaced_pod_exec,
            pod, namespace, container=container, command=list(command),
            stdin=False, stdout=True, stderr=True, tty=False, binary=True, _preload_content=False,
        )  # fmt: skip
    except Exception as error:
        # The client makes one error of another: what it began with has the server's answer.
        refused: BaseException | None = error
        while refused is not None and not isinstance(refused, ApiException):
            refused = refused.__context__
        if refused is None:
            raise
        answer = refused.__context__
        if not isinstance(answer, WebSocketBadStatusException):
            raise KubernetesError(
                f"The Kubernetes API can't be reached: {answer or refused.reason}"
            ) from error
        words = f"pods/exec of pod {namespace}/{pod}, container {container}"
        raise translate(answer.status_code, answer.resp_body, words) from error


def _follow(session: Any, output: Output) -> tuple[bytes, str]:
    """Take what comes until the other side has done; gives the Status, and why the connection was lost."""
    from websocket import WebSocketException

    status, lost, heard = b"", "", time.monotonic()
    while session.is_open():
        try:
            if time.monotonic() - heard > _PING_SECONDS:  # proxies end a connection that is silent for long
                session.sock.ping()
                heard = time.monotonic()
            session.update(timeout=_PING_SECONDS)
            status += session.read_channel(_STATUS_CHANNEL)
        except (OSError, WebSocketException) as error:
            lost = f" ({error})"
            session.sock.shutdown()  # what has come can still be read
            status += session.read_channel(_STATUS_CHANNEL)
        new = session.read_all()  # of both channels, in order; it forgets what it gives
        output.add(new)
        if new:
            heard = time.monotonic()
    return status, lost
