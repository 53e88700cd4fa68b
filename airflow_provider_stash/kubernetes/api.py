"""Calls of the Kubernetes API that give plain mappings, and raise this package's errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from airflow_provider_stash.exceptions import KubernetesError, KubernetesPermissionError

TRANSIENT = frozenset({429, 500, 502, 503, 504})
"""Statuses of what fails in passing."""

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try of a call that failed in passing."""


class NotFoundError(KubernetesError):
    """The object is not there (404)."""


class ConflictError(KubernetesError):
    """The object is there already, or has changed in between (409)."""


def call(method: Callable[..., Any], *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """
    Call a method of a ``kubernetes.client`` API, and try again what fails in passing.

    :param method: such as ``BatchV1Api(...).create_namespaced_job``.
    :return: the API's answer, as a mapping in Kubernetes' own names.
    :raises KubernetesPermissionError: it is denied.
    :raises NotFoundError: the object is not there.
    :raises ConflictError: it is there already.
    :raises KubernetesError: anything else.
    """
    answer: dict[str, Any] = json.loads(open_stream(method, *arguments, **keywords).data)
    return answer


def open_stream(method: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call a method as ``call`` does, and give urllib3's response, whose body is not read yet."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    for pause in (*PAUSES, None):
        try:
            return method(*arguments, _preload_content=False, **keywords)
        except ApiException as error:
            if error.status not in TRANSIENT or pause is None:
                raise translate(error.status, error.body, error.reason) from error
        except HTTPError as error:
            if pause is None:
                raise KubernetesError(f"The Kubernetes API can't be reached: {error}") from error
        time.sleep(pause)
    raise AssertionError  # the last try returns or raises


def translate(status: int | None, body: object, reason: object) -> KubernetesError:
    """
    Make an error of what the API answered.

    :param status: HTTP status.
    :param body: of the answer; where it is a Status object its message is told.
    :param reason: the status' own words.
    """
    try:
        message = str(json.loads(body)["message"])  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError):
        message = str(reason)
    if status == 404:
        return NotFoundError(f"Kubernetes: {message}")
    if status == 409:
        return ConflictError(f"Kubernetes: {message}")
    if status == 401:
        return KubernetesPermissionError(
            f"Kubernetes does not know who asks: {message}. What to do: correct the credentials of the kubernetes "
            "connection."
        )
    if status == 403 and "exceeded quota" not in message:
        return KubernetesPermissionError(
            f"Kubernetes denies it: {message}. What to do: give the user or service account of the kubernetes "
            "connection the Role in docs/kubernetes.md."
        )
    return KubernetesError(f"Kubernetes: {message} (HTTP {status}).")
