"""Reads an ``http`` connection: the address it names."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit


def base_url(connection: Any) -> str:
    """
    Give ``scheme://host[:port][/path]`` without a slash at the end.

    :param connection: host with or without scheme; the port may stand in its own field.
    """
    host = connection.host or ""
    url = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    parts = urlsplit(url)
    if connection.port and not re.search(r":\d+$", parts.netloc):
        parts = parts._replace(netloc=f"{parts.netloc}:{connection.port}")
    return parts.geturl().rstrip("/")
