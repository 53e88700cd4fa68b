"""A server for hooks, such as Slack's for incoming messages."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from testbed.certificates import Pair


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Message
    body: str


class Webhook(ThreadingHTTPServer):
    """
    Takes every request and remembers it; a context manager.

    The path says what it answers: ``/.../status/500`` that status, ``/to/307/-/other`` a redirect to ``/other``
    (``/to/307/-http:/@/host/other``: to another host), any other 200.

    What it says with it are its ``words``.

    :param pair: its certificate and key; None: plain HTTP.
    """

    daemon_threads = True

    def __init__(self, pair: Pair | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.asked: list[Asked] = []
        self.words = b"payload"
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.cert, pair.key)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Webhook:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it for no error that a client does not trust the certificate."""


class _Answers(BaseHTTPRequestHandler):
    server: Webhook

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.asked.append(Asked(self.command, self.path, self.headers, body))
        status, location = "200", ""
        if self.path.startswith("/to/"):
            status, _, location = self.path.removeprefix("/to/").partition("/-")
        elif "/status/" in self.path:
            status = self.path.rpartition("/")[2]
        self.send_response(int(status))
        if location:
            self.send_header("Location", location.replace("/@/", "//", 1))
        self.send_header("Content-Length", str(len(self.server.words)))
        self.end_headers()
        self.wfile.write(self.server.words)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base's name of it
        pass
