import logging

import pytest

from airflow_provider_stash.exceptions import HookError, InvalidConfigurationError
from airflow_provider_stash.kubernetes import running_pod
from airflow_provider_stash.kubernetes.execution import Ended
from airflow_provider_stash.kubernetes.running_pod import RunningPod

PORTS = [{"containerPort": 2380}, {"name": "client", "containerPort": 2379}]


def pod(annotations=None, **status):
    return RunningPod(
        None,
        {
            "metadata": {"name": "etcd-0", "namespace": "demo", "annotations": annotations},
            "spec": {
                "containers": [{"name": "etcd", "ports": PORTS}, {"name": "metrics"}],
                "initContainers": [{"name": "proxy", "restartPolicy": "Always"}],
            },
            "status": status,
        },
    )


def test_the_container_is_the_given_one_or_the_default_or_the_first(monkeypatch):
    monkeypatch.setattr(running_pod, "execute", lambda *_, **__: Ended(0))
    assert pod().run(["true"]) == "etcd"
    assert pod().run(["true"], "proxy") == "proxy"
    default = pod({"kubectl.kubernetes.io/default-container": "metrics"})
    assert (default.run(["true"]), default.run(["true"], "etcd")) == ("metrics", "etcd")
    assert pod({"kubectl.kubernetes.io/default-container": "gone"}).run(["true"]) == "etcd"
    with pytest.raises(
        InvalidConfigurationError,
        match=r"Pod demo/etcd-0 has no container 'x' \(containerName\); it has etcd, metrics, proxy",
    ):
        pod().run(["true"], "x")


def test_address_and_ports():
    assert pod(podIP="10.0.0.1").address() == "10.0.0.1"
    with pytest.raises(HookError, match="no IP address yet"):
        pod().address()
    assert pod().port("client") == 2379
    with pytest.raises(
        InvalidConfigurationError, match=r"etcd of pod demo/etcd-0 has no port 'web'; it has client\."
    ):
        pod().port("web")
    with pytest.raises(InvalidConfigurationError, match="metrics .* it has none with a name"):
        pod().port("client", "metrics")


def test_a_command_that_succeeds(monkeypatch, caplog):
    asked = {}

    def execute(api_client, **given):
        asked.update(given)
        return Ended(0)

    monkeypatch.setattr(running_pod, "execute", execute)
    caplog.set_level(logging.DEBUG)
    assert pod().run(["program", "s3cret"]) == "etcd"
    assert asked == {
        "namespace": "demo",
        "pod": "etcd-0",
        "container": "etcd",
        "command": ["program", "s3cret"],
    }
    assert "container etcd of pod demo/etcd-0" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended(3, "", "no / way"), "exec: the command in container etcd of pod demo/etcd-0 ended with exit code 3: no / way."),
        (Ended(1), "exit code 1, and said nothing."),
        (Ended(127, "", "x: not found"), "exit code 127: x: not found. Look whether the container's image has that program."),
        (Ended(None, "why"), "did not come to its end in container etcd of pod demo/etcd-0: why"),
    ],
)  # fmt: skip
def test_a_command_that_fails(monkeypatch, ended, words):
    monkeypatch.setattr(running_pod, "execute", lambda *_, **__: ended)
    with pytest.raises(HookError) as caught:
        pod().run(["program", "s3cret"])
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
