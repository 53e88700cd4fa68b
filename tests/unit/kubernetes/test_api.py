import json
from types import SimpleNamespace

import pytest
from kubernetes.client import ApiException
from urllib3.exceptions import ProtocolError

from airflow_provider_stash.exceptions import KubernetesError, KubernetesPermissionError
from airflow_provider_stash.kubernetes import api
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError, call


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    taken = []
    monkeypatch.setattr(api.time, "sleep", taken.append)
    return taken


def refusal(status, message="no"):
    error = ApiException(status=status, reason="Reason")
    error.body = json.dumps({"kind": "Status", "message": message})
    return error


def method(*outcomes):
    """Make a method of the client that does one of these after the other."""
    left = list(outcomes)

    def called(*arguments, _preload_content):
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return SimpleNamespace(data=json.dumps(outcome).encode())

    return called


@pytest.mark.parametrize("passing", [refusal(503), refusal(429), refusal(500), ProtocolError("reset")])
def test_what_fails_in_passing_is_tried_again(passing, pauses):
    assert call(method(passing, passing, {"kind": "Job"})) == {"kind": "Job"}
    assert pauses == [0.5, 1.0]


def test_it_is_not_tried_for_ever(pauses):
    with pytest.raises(KubernetesError, match="can't be reached: reset"):
        call(method(*[ProtocolError("reset")] * 20))
    assert sum(pauses) < 60


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (refusal(403, 'jobs.batch is forbidden: User "u" cannot create'), KubernetesPermissionError, "denies it: jobs.batch.*Role"),
        (refusal(403, "exceeded quota: q"), KubernetesError, "exceeded quota"),
        (refusal(401, "Unauthorized"), KubernetesPermissionError, "does not know who asks"),
        (refusal(404), NotFoundError, "no"),
        (refusal(409), ConflictError, "no"),
        (refusal(422, "Job is invalid: spec.x"), KubernetesError, "spec.x"),
        (ApiException(status=418, reason="Teapot"), KubernetesError, "Teapot"),
    ],
)  # fmt: skip
def test_refusals(error, kind, said, pauses):
    with pytest.raises(kind, match=said) as caught:
        call(method(error))
    assert type(caught.value) is kind
    assert pauses == []
