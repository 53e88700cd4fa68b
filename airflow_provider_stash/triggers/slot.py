"""How long a deferred task's worker may linger."""

from __future__ import annotations


def slot_seconds() -> float:
    """
    Give for how many seconds after a task was deferred its trigger must not fire.

    A worker ends within ``[workers] min_heartbeat_interval``. Airflow takes its end for the end of the task, and
    fails it, if that is queued again by then.
    """
    from airflow.configuration import conf

    return float(conf.getint("workers", "min_heartbeat_interval")) + 1.0
