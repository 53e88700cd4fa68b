import itertools

import pytest

from airflow_provider_stash.etcd.models import EndpointHealth
from airflow_provider_stash.exceptions import EtcdAuthenticationError, EtcdUnavailableError
from airflow_provider_stash.steps import health
from airflow_provider_stash.steps.call import StepCall


def test_waiting_for_health_has_an_end(monkeypatch):
    answers = iter([refusal := EtcdUnavailableError("no"), refusal, None])
    closed = []

    class Client:
        def __init__(self, config):
            self.answer = next(answers)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            closed.append(self.answer)

        def health(self):
            return [EndpointHealth("e", 0, self.answer)]

        def status(self):
            return []

        alarms = status

    monkeypatch.setattr(health, "EtcdClient", Client)
    call = {"timeout": 9, "poke_interval": 0.01}
    assert StepCall("wait_for_health", call).run() == {"members": [], "alarms": []}
    assert closed == [refusal, refusal, None], "each look has a client of its own"
    answers = itertools.repeat(refusal)
    with pytest.raises(EtcdUnavailableError, match=r"did not answer within 0.1 s. no"):
        StepCall("wait_for_health", {**call, "timeout": 0.1}).run()
    answers = iter([EtcdAuthenticationError("wrong password")])
    with pytest.raises(EtcdAuthenticationError):  # waiting won't help
        StepCall("wait_for_health", call).run()
