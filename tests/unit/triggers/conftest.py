"""What the tests of the triggers share."""

import asyncio

import pytest


@pytest.fixture
def slept(monkeypatch):
    """Give the seconds that were slept; none of them pass."""
    seconds = []

    async def sleep(pause):
        seconds.append(pause)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "5")
    return seconds
