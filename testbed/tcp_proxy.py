"""A TCP proxy on loopback that misbehaves on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

_BLOCK = 16 * 1024


class TcpProxy:
    """
    Forwards connections to a loopback port; a context manager.

    :param target: the port.
    :param cut_after: bytes from the server after which each connection is cut; None: never.
    :param flip_at: offset in the server's bytes at which one bit is turned; None: nowhere.
    :param silent: accept connections, and never answer.
    """

    def __init__(
        self, target: int, *, cut_after: int | None = None, flip_at: int | None = None, silent: bool = False
    ) -> None:
        self._target, self.cut_after, self.flip_at, self.silent = target, cut_after, flip_at, silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> TcpProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                if self.silent:
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets.append(server)
                threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
        done = 0
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                if from_server and self.flip_at is not None and done <= self.flip_at < done + len(block):
                    at = self.flip_at - done
                    block = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
                    self.flip_at = None
                sink.sendall(block)
                done += len(block)
                if from_server and self.cut_after is not None and done >= self.cut_after:
                    break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
