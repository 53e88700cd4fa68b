"""Reads an ``http`` connection: the address it names."""

from __future__ import annotations

from typing import Any


def base_url(connection: Any) -> str:
    """
    Give ``scheme://host[:port][/path]`` without a slash at the end.

    :param connection: host with or without scheme; the port may stand in its own field.
    """
    host = connection.host or ""
    url = host if "://" in host else f"{connection.schema or 'http'}://{host}"
    if connection.port and url.count(":") < 2:
        url += f":{connection.port}"
    return str(url.rstrip("/"))
