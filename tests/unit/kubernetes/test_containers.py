from airflow_provider_stash.kubernetes.containers import (
    ended_containers,
    has_started,
    telling_container,
    waits,
)
from airflow_provider_stash.kubernetes.failures import why_failed

NAMES = ["dump-0", "send-1", "step"]
DONE = {
    "terminated": {"exitCode": 0, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:05Z"}
}
FAILED = {"terminated": {"exitCode": 3, "reason": "Error", "message": "bad"}}
RUNS, WAITS = {"running": {}}, {"waiting": {"reason": "PodInitializing"}}


def pod(*states, limits=None):
    statuses = [{"name": name, "state": state} for name, state in zip(NAMES, states, strict=True)]
    specs = [{"name": name, "resources": {"limits": (limits or {}).get(name, {})}} for name in NAMES]
    return {
        "spec": {"initContainers": specs[:-1], "containers": specs[-1:]},
        "status": {"initContainerStatuses": statuses[:-1], "containerStatuses": statuses[-1:]},
    }


def test_whose_turn_it_is():
    assert waits(None, NAMES)
    assert waits({"status": {}}, NAMES)
    assert waits(pod(DONE, WAITS, WAITS), NAMES)
    assert not waits(pod(DONE, RUNS, WAITS), NAMES)
    assert not waits(pod(DONE, DONE, DONE), NAMES)
    assert has_started(pod(DONE, RUNS, WAITS), "send-1")
    assert not has_started(pod(DONE, RUNS, WAITS), "step")


def test_whose_words_count():
    assert telling_container(pod(WAITS, WAITS, WAITS), NAMES) is None
    assert telling_container(pod(DONE, RUNS, WAITS), NAMES) == "send-1"
    assert telling_container(pod(FAILED, WAITS, WAITS), NAMES) == "dump-0"
    assert telling_container(pod(DONE, DONE, DONE), NAMES) == "step"


def test_how_containers_ended():
    assert ended_containers(pod(DONE, FAILED, WAITS), NAMES[:2]) == [
        {"name": "dump-0", "exitCode": 0, "duration": 5.0},
        {"name": "send-1", "exitCode": 3, "duration": None},
    ]
    assert ended_containers(pod(DONE, DONE, DONE), NAMES[:1]) == [
        {"name": "dump-0", "exitCode": 0, "duration": 5.0}
    ]
    assert ended_containers(None, NAMES) == []


def test_a_failure_names_its_container_among_several():
    job = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}
    assert why_failed(job, pod(DONE, FAILED, WAITS)) == "Init container send-1: Exit code 3: bad."
    assert why_failed(job, pod(DONE, DONE, FAILED)) == "Container step: Exit code 3: bad."
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    limits = {"dump-0": {"memory": "64Mi"}, "send-1": {"memory": "1Gi"}}
    assert why_failed(job, pod(DONE, killed, WAITS, limits=limits)).startswith(
        "Init container send-1: OOMKilled: the container used more memory than its limit of 1Gi."
    )
