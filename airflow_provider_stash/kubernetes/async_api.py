"""The same calls of the Kubernetes API in an event loop, by ``kubernetes_asyncio``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from airflow_provider_stash.exceptions import KubernetesError
from airflow_provider_stash.kubernetes.api import PAUSES, TRANSIENT, translate


async def call(method: Callable[..., Awaitable[Any]], *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """
    Call a method of a ``kubernetes_asyncio.client`` API, and try again what fails in passing.

    :param method: such as ``BatchV1Api(...).create_namespaced_job``.
    :return: the API's answer, as a mapping in Kubernetes' own names.
    :raises KubernetesError: as ``api.call`` does.
    """
    from aiohttp import ClientError

    for pause in (*PAUSES, None):
        try:
            async with await open_stream(method, *arguments, **keywords) as response:
                answer: dict[str, Any] = json.loads(await response.read())
                return answer
        except TransientError:
            if pause is None:
                raise
        except (ClientError, asyncio.TimeoutError) as error:
            if pause is None:
                raise KubernetesError(f"The Kubernetes API can't be reached: {error}") from error
        await asyncio.sleep(pause)
    raise AssertionError  # the last try returns or raises


async def open_stream(method: Callable[..., Awaitable[Any]], *arguments: Any, **keywords: Any) -> Any:
    """
    Call a method once, and give aiohttp's response, whose body is not read yet.

    :raises KubernetesError: the API refused it; a ``TransientError`` where another try may help.
    """
    response = await method(*arguments, _preload_content=False, **keywords)
    if response.status < 300:
        return response
    async with response:
        error = translate(response.status, await response.text(), response.reason)
    raise TransientError(str(error)) if response.status in TRANSIENT else error


class TransientError(KubernetesError):
    """The API is too busy, or not well at the moment."""
