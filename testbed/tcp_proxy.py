"""A TCP proxy on loopback that misbehaves on demand."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType

_BLOCK = 16 * 1024


class TcpProxy:
    """
    Forwards connections to a loopback port; a context manager. What it does wrong can be changed meanwhile.

    :param target: the port.
    :param cut_after: bytes from the server after which each connection is cut; None: never.
    :param flip_at: offset in the server's bytes at which one bit is turned, once; None: nowhere.
    :param upload_limit: bytes that clients may send in all; then every connection is cut, and new ones are
        refused until it is raised. None: no limit.
    :param delay: seconds that each block from the server waits.
    :param silent: accept connections, and never answer.
    :param refusing: reset new connections.
    """

    def __init__(
        self,
        target: int,
        *,
        cut_after: int | None = None,
        flip_at: int | None = None,
        upload_limit: int | None = None,
        delay: float = 0.0,
        silent: bool = False,
        refusing: bool = False,
    ) -> None:
        self._target, self.cut_after, self.flip_at, self.upload_limit = (
            target,
            cut_after,
            flip_at,
            upload_limit,
        )
        self.delay, self.silent, self.refusing = delay, silent, refusing
        self.connections = self.uploaded = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refusing = True
        _cut(self._listener)
        self.cut()

    def cut(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            while self._sockets:
                _cut(self._sockets.pop())

    def _over_limit(self) -> bool:
        return self.upload_limit is not None and self.uploaded >= self.upload_limit

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refusing or self._over_limit():
                _cut(client)
                continue
            with self._lock:
                self._sockets.add(client)
            if self.silent:
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                self._drop(client)
                continue
            with self._lock:
                self._sockets.add(server)
            threading.Thread(target=self._upload, args=(client, server), daemon=True).start()
            threading.Thread(target=self._download, args=(server, client), daemon=True).start()

    def _upload(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := client.recv(_BLOCK):
                with self._lock:
                    room = (
                        len(block) if self.upload_limit is None else max(0, self.upload_limit - self.uploaded)
                    )
                    block = block[:room]
                    self.uploaded += len(block)
                server.sendall(block)
                if self._over_limit():
                    self.cut()
            # The server may still answer.
            server.shutdown(socket.SHUT_WR)

    def _download(self, server: socket.socket, client: socket.socket) -> None:
        done = 0
        with contextlib.suppress(OSError):
            while block := server.recv(_BLOCK):
                time.sleep(self.delay)
                with self._lock:
                    if self.flip_at is not None and done <= self.flip_at < done + len(block):
                        at = self.flip_at - done
                        block = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
                        self.flip_at = None
                if self.cut_after is not None:
                    block = block[: max(0, self.cut_after - done)]
                client.sendall(block)
                done += len(block)
                if self.cut_after is not None and done >= self.cut_after:
                    break
        self._drop(server, client)

    def _drop(self, *sockets: socket.socket) -> None:
        with self._lock:
            for one in sockets:
                self._sockets.discard(one)
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def _cut(connection: socket.socket) -> None:
    """Close it at once; the shutdown wakes a thread that waits for it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
