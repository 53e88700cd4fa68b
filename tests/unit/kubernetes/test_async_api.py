import asyncio
import json

import pytest
from aiohttp import ClientConnectionError

from airflow_provider_stash.exceptions import KubernetesError, KubernetesPermissionError
from airflow_provider_stash.kubernetes import async_api
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    taken = []

    async def sleep(seconds):
        taken.append(seconds)

    monkeypatch.setattr(async_api.asyncio, "sleep", sleep)
    return taken


class Answer:
    """An aiohttp response."""

    def __init__(self, status, body):
        self.status, self.reason, self._body = status, "Reason", json.dumps(body)

    async def text(self):
        return self._body

    async def read(self):
        return self._body.encode()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass


def refusal(status, message="no"):
    return Answer(status, {"kind": "Status", "message": message})


def call(*outcomes):
    """Call a method of the client that does one of these after the other."""
    left = list(outcomes)

    async def method(*, _preload_content):
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return asyncio.run(async_api.call(method))


@pytest.mark.parametrize("passing", [refusal(503), refusal(429), ClientConnectionError(), TimeoutError()])
def test_what_fails_in_passing_is_tried_again(passing, pauses):
    assert call(passing, passing, Answer(201, {"kind": "Job"})) == {"kind": "Job"}
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize(
    ("passing", "said"), [(ClientConnectionError("reset"), "can't be reached: reset"), (refusal(503), "503")]
)
def test_it_is_not_tried_for_ever(passing, said, pauses):
    with pytest.raises(KubernetesError, match=said):
        call(*[passing] * 20)
    assert sum(pauses) < 60


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (refusal(403, 'jobs.batch is forbidden: User "u" cannot create'), KubernetesPermissionError, "denies it: jobs"),
        (refusal(404), NotFoundError, "no"),
        (refusal(409), ConflictError, "no"),
        (refusal(422, "Job is invalid: spec.x"), KubernetesError, "spec.x"),
    ],
)  # fmt: skip
def test_refusals(answer, kind, said, pauses):
    with pytest.raises(kind, match=said) as caught:
        call(answer)
    assert type(caught.value) is kind
    assert pauses == []
