import pytest

from airflow_provider_stash.kubernetes.job_settings import CONTAINER_FIELDS, POD_FIELDS, KubernetesJob
from airflow_provider_stash.kubernetes.manifests import job_manifest, job_name, secret_manifest, secret_name


def build(settings, **others):
    given = {"name": "stash-x", "namespace": "demo", "arguments": ["back_up", "{}"], **others}
    job = job_manifest(settings, **given)
    pod = job["spec"]["template"]["spec"]
    return job, pod, pod["containers"][0]


def test_safe_by_default():
    job, pod, container = build(KubernetesJob(image="i"))
    assert job["spec"]["backoffLimit"] == 0  # Airflow counts the tries
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    assert "activeDeadlineSeconds" not in job["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "stash-scratch", "mountPath": "/tmp"} in container["volumeMounts"]
    assert {"name": "stash-scratch", "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize(
    "given",
    [
        {"container": {"securityContext": {"runAsUser": 0, "runAsGroup": 0}}},
        {"pod": {"securityContext": {"runAsUser": 0}}},
        {"pod": {"securityContext": {"runAsUser": 7}}, "container": {"securityContext": {"runAsUser": 0}}},
    ],
)
def test_who_wants_root_gets_it(given):
    """Stash's guides do; a kubelet starts no container that is to be root and not to be root."""
    _, _, container = build(KubernetesJob(image="i", **given))
    assert "runAsNonRoot" not in container["securityContext"]
    given["container"] = {"securityContext": {"runAsUser": 7}}
    assert build(KubernetesJob(image="i", **given))[2]["securityContext"]["runAsNonRoot"] is True


def test_every_setting_has_its_place():
    pod_fields = {
        "serviceAccountName": "sa", "imagePullSecrets": [{"name": "r"}], "nodeSelector": {"a": "b"}, "affinity": {"x": 1},
        "tolerations": [{"key": "k"}], "priorityClassName": "high", "securityContext": {"fsGroup": 5},
        "volumes": [{"name": "v", "emptyDir": {}}], "automountServiceAccountToken": True,
    }  # fmt: skip
    settings = KubernetesJob(
        image="i",
        image_pull_policy="Always",
        pod={**pod_fields, "podLabels": {"l": "1"}, "podAnnotations": {"a": "1"}},
        container={
            "resources": {"limits": {"memory": "1Gi"}},
            "securityContext": {"runAsUser": 7},
            "env": [{"name": "N", "value": "1"}],
            "envFrom": [{"configMapRef": {"name": "c"}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "nice": {"adjustment": 5},
            "ionice": {"class": 2, "classData": 4},
        },
        labels={"team": "db"},
        annotations={"note": "n"},
        active_deadline=60,
        ttl=5,
        temp_dir={"medium": "Memory", "sizeLimit": "1Gi"},
    )
    job, pod, container = build(settings)
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert job["spec"]["ttlSecondsAfterFinished"] == 5
    for thing in (job, job["spec"]["template"]):
        assert thing["metadata"]["labels"]["team"] == "db"
        assert thing["metadata"]["annotations"]["note"] == "n"
    assert job["spec"]["template"]["metadata"]["labels"]["l"] == "1"
    assert job["spec"]["template"]["metadata"]["annotations"]["a"] == "1"
    for name in set(pod_fields) - {"securityContext", "volumes"}:
        assert pod[name] == pod_fields[name]
    assert pod["securityContext"]["fsGroup"] == 5
    assert {"name": "v", "emptyDir": {}} in pod["volumes"]
    assert {"name": "stash-scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in pod["volumes"]
    assert container["imagePullPolicy"] == "Always"
    assert container["command"][:7] == ["nice", "-n", "5", "ionice", "-c", "2", "-n"]
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert container["securityContext"]["runAsUser"] == 7
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {"name": "N", "value": "1"} in container["env"]
    assert container["envFrom"] == [{"configMapRef": {"name": "c"}}]
    assert {"name": "v", "mountPath": "/v"} in container["volumeMounts"]


@pytest.mark.parametrize("name", sorted(POD_FIELDS - {"securityContext", "volumes"}))
def test_every_field_of_a_pod_that_is_taken_reaches_it(name):
    _, pod, _ = build(KubernetesJob(image="i", pod={name: "given"}))
    assert pod[name] == "given"


@pytest.mark.parametrize("name", sorted(CONTAINER_FIELDS - {"securityContext", "env", "volumeMounts"}))
def test_every_field_of_a_container_that_is_taken_reaches_it(name):
    _, _, container = build(KubernetesJob(image="i", container={name: "given"}))
    assert container[name] == "given"


def test_an_interim_volume_takes_the_scratch_directorys_place():
    claim = {"metadata": {"name": "ignored", "labels": {"a": "b"}}, "spec": {"storageClassName": "fast"}}
    _, pod, _ = build(KubernetesJob(image="i", interim_volume_template=claim))
    wanted = {"metadata": {"labels": {"a": "b"}}, "spec": {"storageClassName": "fast"}}
    assert {"name": "stash-scratch", "ephemeral": {"volumeClaimTemplate": wanted}} in pod["volumes"]


def test_credentials_are_files_of_several_secrets():
    _, pod, container = build(KubernetesJob(image="i"), credentials={"etcd": ["auth", "tls"]})
    (volume,) = (one for one in pod["volumes"] if one["name"] == "stash-etcd")
    assert volume["projected"]["sources"] == [{"secret": {"name": "auth"}}, {"secret": {"name": "tls"}}]
    mount = {"name": "stash-etcd", "mountPath": "/etc/stash/etcd", "readOnly": True}
    assert mount in container["volumeMounts"]


def test_nothing_in_an_argument_is_taken_for_a_variable():
    _, _, container = build(KubernetesJob(image="i"), arguments=["s", "$(HOME) $$ $x"])
    assert container["args"] == ["s", "$$(HOME) $$$$ $$x"]


def test_a_jobs_name_is_the_same_for_the_same_task_and_no_other():
    name = job_name("group.Back_Up!", "d", "run", -1)
    assert name == job_name("group.Back_Up!", "d", "run", -1)
    assert name.startswith("stash-group-back-up-")
    assert (
        len({name, job_name("group.Back_Up!", "d", "run", 0), job_name("group.Back_Up!", "d", "other", -1)})
        == 3
    )
    for task in ("t" * 250, "-", "ä"):
        name = job_name(task, "d", "r")
        assert len(name) <= 57
        assert "--" not in name
    assert secret_name(name) != secret_name(name)


def test_a_secret_goes_with_its_job():
    job = {"metadata": {"name": "j", "namespace": "demo", "uid": "u"}}
    secret = secret_manifest(name="s", job=job, data={"password": b"p"})
    assert secret["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u"}
    ]
    assert secret["data"] == {"password": "cA=="}
