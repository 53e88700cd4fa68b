import json

from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.task_manifest import task_container_names, task_manifest
from airflow_provider_stash.resources.task_containers import TaskPod

MOUNTS = [{"name": "tmp-dir", "mountPath": "/stash-tmp"}, {"name": "tmp-dir", "mountPath": "/tmp"}]
FUNCTIONS = [{"name": "dump-0", "image": "a"}, {"name": "send-1", "image": "b"}]


def build(output_dir=None, *, restores=False, **settings):
    pod = TaskPod(FUNCTIONS, [{"name": "tmp-dir", "emptyDir": {}}], MOUNTS, output_dir)
    settings = KubernetesJob(image="ours", **settings)
    job = task_manifest(pod, settings, name="j", namespace="demo", restores=restores)
    names = [*job_pod(job)["initContainers"], *job_pod(job)["containers"]]
    assert [one["name"] for one in names] == task_container_names(pod)
    return job


def job_pod(job):
    return job["spec"]["template"]["spec"]


def test_all_functions_but_the_last_are_init_containers():
    job = build(pod={"volumes": [{"name": "v"}], "serviceAccountName": "s", "podLabels": {"l": "1"}})
    pod = job_pod(job)
    assert pod["initContainers"] == FUNCTIONS[:1]
    assert pod["containers"] == FUNCTIONS[1:]
    assert pod["volumes"] == [{"name": "tmp-dir", "emptyDir": {}}, {"name": "v"}]
    assert pod["serviceAccountName"] == "s"
    assert pod["restartPolicy"] == "Never"
    assert "automountServiceAccountToken" not in pod  # a Function may talk to the API
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["metadata"]["labels"]["l"] == "1"


def test_they_run_as_stashs_users_unless_told_otherwise():
    assert job_pod(build())["securityContext"] == {"runAsUser": 65535}
    assert job_pod(build(restores=True))["securityContext"] == {"runAsUser": 0, "runAsGroup": 0}
    own = {"securityContext": {"runAsUser": 5, "fsGroup": 6}}
    assert job_pod(build(pod=own))["securityContext"] == {"runAsUser": 5, "fsGroup": 6}


def test_a_step_reads_what_they_wrote_in_update_statuss_place():
    pod = job_pod(build("/tmp/output"))
    assert pod["initContainers"] == FUNCTIONS
    (last,) = pod["containers"]
    assert last["image"] == "ours"
    assert last["args"] == ["read_output", json.dumps({"arguments": {"directory": "/tmp/output"}})]
    assert last["volumeMounts"] == MOUNTS
    assert "runAsNonRoot" not in last["securityContext"]  # of a restore all run as root
    assert last["securityContext"]["readOnlyRootFilesystem"] is True
