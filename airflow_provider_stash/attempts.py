"""What a task tells the hooks after it: why it failed, and how many retries it has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.log import redact  # type: ignore[attr-defined]  # as Airflow's own providers do

if TYPE_CHECKING:
    from airflow.sdk import Context

_KEY = "attempt"


def tell_attempt(context: Context, error: str | None = None) -> None:
    """
    Tell the tasks that come after why this one failed, and how many retries it has left.

    A first try that has not failed has nothing to tell.

    :param error: what it failed with; secrets that Airflow knows are masked.
    """
    ti = context["ti"]
    left = ti.max_tries - ti.try_number + 1
    if error is not None:
        ti.xcom_push(key=_KEY, value={"error": redact(error), "retryLeft": left})
    elif ti.try_number > 1:
        ti.xcom_push(key=_KEY, value={"error": None, "retryLeft": left})


def attempt(context: Context, task_id: str) -> dict[str, Any]:
    """Look up what a task of this run has told: ``error``, ``retryLeft``; empty: nothing."""
    return context["ti"].xcom_pull(task_ids=task_id, key=_KEY) or {}
