"""One login for all endpoints of a client."""

from __future__ import annotations

import threading
from collections.abc import Callable

_PATIENCE_SECONDS = 0.5


class SharedLogin:
    """
    The token of one login. Every member knows it: etcd agrees on a login as on a write.

    A login is dear, a tenth of a second of the member's processor (bcrypt). Who asks while the first is at it waits for
    that a moment, and then logs in too: the first may be asking a silent endpoint.
    """

    def __init__(self) -> None:
        self._first = threading.Lock()
        self._done = threading.Event()
        self._token: str | None = None

    def token(self, log_in: Callable[[], str | None]) -> str | None:
        """
        Give the token.

        :param log_in: gives a new one; None: the cluster wants none.
        :raises Exception: what ``log_in`` raises; the next who asks tries again.
        """
        first = not self._done.is_set() and self._first.acquire(blocking=False)
        if not first and self._done.wait(_PATIENCE_SECONDS):
            return self._token
        try:
            self._token = log_in()
        except BaseException:
            if first:
                self._first.release()
            raise
        self._done.set()
        return self._token
