import asyncio
from types import SimpleNamespace

from tests.kubesim.probes import watch


def test_a_container_that_has_ended_is_no_longer_asked():
    """Who waits for the probe's end would wait for ever."""
    ended = SimpleNamespace(pid=None, exec_command=lambda command: None)
    told = []
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}
    asyncio.run(asyncio.wait_for(watch(probe, ended, "", told.append), 60))
    assert told == []
