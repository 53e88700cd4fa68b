import json

import pytest

from airflow_provider_stash.resources.hooks import without_secrets

HEADERS = [{"name": "Authorization", "value": "hunter2"}]
PROBE = {"exec": {"command": ["login", "hunter2"]}}


@pytest.mark.parametrize(
    "spec",
    [
        {"hooks": {"preBackup": {"httpGet": {"path": "/hunter2", "httpHeaders": HEADERS}}}},
        {"hooks": {"preBackup": {"exec": {"command": ["login", "hunter2"]}}}},
        {"hooks": {"postBackup": {"httpPost": {"form": [{"key": "token", "values": ["hunter2"]}]}}}},
        {"members": [{"hooks": {"postBackup": {"httpPost": {"form": [{"values": ["a", "hunter2"]}]}}}}]},
        {"runtimeSettings": {"container": {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}]}}},
        {"runtimeSettings": {"container": {"lifecycle": {"preStop": PROBE}, "livenessProbe": PROBE}}},
        {"members": [{"runtimeSettings": {"container": {"env": [{"name": "A", "value": "hunter2"}]}}}]},
    ],
)
def test_what_may_be_a_secret_is_not_shown(spec):
    shown = json.dumps(without_secrets({"spec": spec}))
    assert "hunter2" not in shown
    assert "***" in shown


def test_the_rest_is_shown_as_it_is():
    secret = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    spec = {
        "task": {"params": [{"name": "waitTimeout", "value": "60"}]},
        "hooks": {"preBackup": {"httpPost": {"host": "h", "path": "/", "form": [{"key": "k", "values": []}]}}},
        "runtimeSettings": {
            "pod": {"podLabels": {"container": "c", "value": "v"}},
            "container": {"env": [secret, {"name": "EMPTY", "value": ""}], "resources": {"limits": {"cpu": "1"}}},
        },
    }  # fmt: skip
    assert without_secrets(spec) == spec
