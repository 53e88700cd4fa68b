"""The objects are cut-outs of what clusters have answered."""

import pytest

from airflow_provider_stash.kubernetes.failures import what_goes_on, why_failed, why_waiting

JOB = {"spec": {"activeDeadlineSeconds": 60}, "status": {"conditions": [
    {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
]}}  # fmt: skip


def pod(state=None, **status):
    limits = {"name": "step", "resources": {"limits": {"memory": "64Mi"}}}
    statuses = [{"name": "step", "image": "i:1", "state": state}] if state else []
    return {"spec": {"containers": [limits]}, "status": {"containerStatuses": statuses, **status}}


def ended(code, reason="Error", **more):
    return pod({"terminated": {"exitCode": code, "reason": reason, **more}})


@pytest.mark.parametrize(
    ("job", "last_pod", "said"),
    [
        (JOB, ended(137, "OOMKilled"), "OOMKilled: the container used more memory than its limit of 64Mi. What to do: raise"),
        (JOB, ended(137), "Exit code 137: the container was killed from outside"),
        (JOB, ended(3, message="bad"), "Exit code 3: bad."),
        (JOB, ended(128, "StartError", message='exec: "python9": not found'), 'StartError: exec: "python9": not found. What to do'),
        (JOB, pod(reason="Evicted", message="The node was low on resource: ephemeral-storage"), "Evicted: The node was low"),
        (JOB, pod(conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "m"}]),
         "PreemptionByScheduler: m. What to do: try again"),
        ({**JOB, "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}, ended(143),
         "DeadlineExceeded: the Job ran longer than its active_deadline of 60 s"),
        (JOB, None, "The Job's Pod is gone"),
        (None, None, "The Job is gone: it was deleted"),
    ],
)  # fmt: skip
def test_why_a_job_failed(job, last_pod, said):
    assert why_failed(job, last_pod).startswith(said)


def refused(message):
    return [{"reason": "FailedCreate", "message": message, "lastTimestamp": "2026-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("last_pod", "events", "said"),
    [
        (pod({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "i:1"'}}), [],
         'ImagePullBackOff: Back-off pulling image "i:1". What to do: check the image\'s name'),
        (pod({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}), [], "CreateContainerConfigError: secret"),
        (pod({"waiting": {"reason": "ContainerCreating"}}), [], ""),
        (pod({"waiting": {"reason": "ContainerCreating"}}), [{"reason": "FailedMount", "message": 'secret "s" not found'}],
         'FailedMount: secret "s" not found. What to do: check the Secrets'),
        (pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]), [],
         "Unschedulable: 0/3 nodes. What to do: no node fits"),
        (None, [], ""),
        (None, refused('pods "x" is forbidden: exceeded quota: q, requested: cpu=2'), "FailedCreate: the cluster refused the Pod: pods"),
        (None, refused('error looking up service account demo/sa: serviceaccount "sa" not found'), "FailedCreate"),
    ],
)  # fmt: skip
def test_why_a_pod_waits(last_pod, events, said):
    told = why_waiting(last_pod, events)
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_an_image_that_comes_slowly():
    """Seen on Kubernetes 1.20, whose Pod tells no more than ContainerCreating."""

    def event(reason, container):
        path = f"spec.containers{{{container}}}"
        return {
            "reason": reason,
            "message": f'{reason} image "{container}:1"',
            "involvedObject": {"fieldPath": path},
        }

    events = [event("Pulling", "helper"), event("Pulled", "helper"), event("Pulling", "step")]
    assert what_goes_on(events) == (
        'Pulling: Pulling image "step:1". What to do: raise startup_timeout, or see why the image comes slowly.'
    )
    assert what_goes_on([*events, event("Pulled", "step")]) == ""


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("exceeded quota: q", "raise the namespace's ResourceQuota"),
        ("failed quota: q: must specify limits.cpu for: step", "set container.resources"),
        ('serviceaccount "sa" not found', "make the service account"),
        ('violates PodSecurity "restricted:latest"', "pod.securityContext"),
        ("maximum memory usage per Container is 1Gi", "LimitRange"),
        ("no idea", "correct what the message names"),
    ],
)
def test_what_to_do_when_no_pod_may_be_made(message, advice):
    assert advice in why_waiting(None, refused(message))
