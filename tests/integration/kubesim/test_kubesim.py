"""The simulator as its users see it, through the real client."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config, watch
from kubernetes.client import ApiException
from kubernetes.stream import stream

from testbed.process import command_lines, wait_until
from tests.kubernetes.pods import run_in_pod
from tests.kubesim import Image, Kubesim

IMAGE = "kubesim/busybox:1"


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    with Kubesim(tmp_path_factory.mktemp("kubesim"), {"own/*": Image(environment={"COLOUR": "blue"})}) as sim:
        yield sim


@pytest.fixture(scope="module")
def api(sim):
    return config.new_client_from_config(str(sim.kubeconfig))


@pytest.fixture(scope="module")
def core(api):
    return client.CoreV1Api(api)


def pod(name, *command, image=IMAGE, container=None, **spec):
    body = {"name": "c", "image": image, "command": ["/bin/sh", "-c", *command], **(container or {})}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [body], **spec}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def phase(core, name):
    return core.read_namespaced_pod(name, "default").status.phase


def ended(core, name):
    wait_until(lambda: phase(core, name) in {"Succeeded", "Failed"}, f"{name} has ended", 60)
    log = core.read_namespaced_pod_log(name, "default", _preload_content=False).data.decode()
    return phase(core, name), log


def test_a_container_sees_its_own_processes_variables_volumes_and_nothing_stays(sim, core):
    core.create_namespaced_secret(
        "default", {"metadata": {"name": "s"}, "stringData": {"key": "secret value"}}
    )
    core.create_namespaced_pod("default", pod(
        "one", "echo $COLOUR $FROM $PLACE; cat /mnt/secret/key; ls /proc | grep -c '^[0-9]'; touch /written; id -u; hostname",
        image="own/image:1",
        container={
            "env": [
                {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
                {"name": "PLACE", "value": "$(FROM) here"},
            ],
            "volumeMounts": [{"name": "secret", "mountPath": "/mnt/secret", "readOnly": True}],
        },
        volumes=[{"name": "secret", "secret": {"secretName": "s"}}],
    ))  # fmt: skip
    outcome, log = ended(core, "one")
    assert outcome == "Succeeded", log
    lines = log.replace("secret value", "SECRET").splitlines()
    assert lines[0] == "blue SECRET SECRET here"
    assert lines[1].startswith("SECRET")
    assert int(lines[1].removeprefix("SECRET")) < 6
    assert lines[2:] == ["0", "one"]
    assert not Path("/written").exists()


def test_a_volume_does_not_hide_the_programs_of_images(core):
    """As one on /tmp would, where the checkout lies there."""
    checkout = Path(__file__).parents[3]
    core.create_namespaced_pod("default", pod(
        "unhidden", f"ls {checkout}/tests/kubesim/container.py && touch {checkout}/written",
        container={"volumeMounts": [{"name": "v", "mountPath": str(checkout.parent)}]},
        volumes=[{"name": "v", "emptyDir": {}}],
    ))  # fmt: skip
    outcome, log = ended(core, "unhidden")
    assert outcome == "Failed"
    assert "container.py" in log.splitlines()[0]
    assert "Read-only file system" in log.splitlines()[1]
    assert not (checkout / "written").exists()


def test_exit_codes_images_and_missing_secrets(core):
    core.create_namespaced_pod("default", pod("two", "echo words >&2; exit 3"))
    assert ended(core, "two") == ("Failed", "words\n")
    status = core.read_namespaced_pod("two", "default").status.container_statuses[0]
    assert status.state.terminated.exit_code == 3
    core.create_namespaced_pod("default", pod("three", "true", image="nowhere:1"))
    core.create_namespaced_pod(
        "default", pod("four", "true", container={"envFrom": [{"secretRef": {"name": "late"}}]})
    )

    def waits(name):
        statuses = core.read_namespaced_pod(name, "default").status.container_statuses or []
        return statuses and statuses[0].state.waiting and statuses[0].state.waiting.reason

    wait_until(lambda: waits("three") == "ErrImagePull", "the image can't be pulled", 30)
    wait_until(lambda: waits("four") == "CreateContainerConfigError", "the Secret is missing", 30)
    contradiction = {"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}
    core.create_namespaced_pod("default", pod("five", "true", container=contradiction))
    wait_until(lambda: waits("five") == "CreateContainerConfigError", "it is to be root and not", 30)
    core.delete_namespaced_pod("five", "default")
    core.create_namespaced_secret("default", {"metadata": {"name": "late"}})
    assert ended(core, "four")[0] == "Succeeded"
    core.delete_namespaced_pod("three", "default")


def test_init_containers_run_one_after_another_on_what_they_share(core):
    def container(name, script, image=IMAGE):
        mounts = [{"name": "v", "mountPath": "/shared"}]
        return {"name": name, "image": image, "command": ["/bin/sh", "-c", script], "volumeMounts": mounts}

    def states(name):
        status = core.read_namespaced_pod(name, "default").status
        return {
            one.name: one.state
            for one in [*(status.init_container_statuses or []), *(status.container_statuses or [])]
        }

    def made(name, *inits, **main):
        volumes = [{"name": "v", "emptyDir": {}}]
        body = {**container("c", "cat /shared/file"), **main}
        core.create_namespaced_pod(
            "default", pod(name, "", container=body, initContainers=inits, volumes=volumes)
        )

    first = container("a", "sleep 1; echo one > /shared/file")
    made("inits", first, container("b", "echo two >> /shared/file; echo said"))
    assert ended(core, "inits") == ("Succeeded", "one\ntwo\n")
    log = core.read_namespaced_pod_log("inits", "default", container="b", _preload_content=False).data
    assert log == b"said\n"
    times = [(one.terminated.started_at, one.terminated.finished_at) for one in states("inits").values()]
    assert [one for pair in times for one in pair] == sorted(one for pair in times for one in pair)

    made("inits-fail", container("a", "exit 3"), container("b", "true"))
    wait_until(lambda: phase(core, "inits-fail") == "Failed", "the pod has failed", 60)
    found = states("inits-fail")
    assert found["a"].terminated.exit_code == 3
    assert {found[name].waiting.reason for name in ("b", "c")} == {"PodInitializing"}

    # An image is pulled when its container's turn has come.
    made("inits-pull", first, container("b", "true", image="nowhere:1"))

    def refused():
        state = states("inits-pull").get("b")
        return state and state.waiting and state.waiting.reason == "ErrImagePull"

    wait_until(refused, "the second image can't be pulled", 60)
    assert states("inits-pull")["a"].terminated.exit_code == 0
    core.delete_namespaced_pod("inits-pull", "default", grace_period_seconds=0)


def test_exec_services_names_and_signals(api, core):
    server = "trap 'echo bye; exit 0' TERM; python3 -m http.server 8000 --bind 0.0.0.0 >/dev/null 2>&1 & echo ready; wait"
    core.create_namespaced_pod("default", pod("five", server, terminationGracePeriodSeconds=30))
    spec = {"selector": {"app": "five"}, "ports": [{"port": 80, "targetPort": 8000}]}
    core.create_namespaced_service("default", {"metadata": {"name": "web"}, "spec": spec})
    wait_until(lambda: phase(core, "five") == "Running", "it runs", 30)
    core.create_namespaced_pod("default", pod(
        "six", "for i in $(seq 100); do python3 -c 'import urllib.request as u; u.urlopen(\"http://web.default.svc\")' "
        "2>/dev/null && echo reached && exit; sleep 0.1; done; exit 1",
    ))  # fmt: skip
    assert ended(core, "six") == ("Succeeded", "reached\n")
    said = stream(
        core.connect_get_namespaced_pod_exec, "five", "default", command=["/bin/sh", "-c", "cat; exit 4"],
        stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
    )  # fmt: skip
    said.write_stdin("through and through")
    said.update(timeout=5)
    assert said.read_stdout(timeout=10) == "through and through"
    said.sock.shutdown()
    begin = time.monotonic()
    core.delete_namespaced_pod("five", "default")
    wait_until(
        lambda: "five" not in {one.metadata.name for one in core.list_namespaced_pod("default").items},
        "gone",
        30,
    )
    assert time.monotonic() - begin < 25  # it took the signal


def test_a_headless_service_names_pods_when_they_are_ready(core):
    """Members of an etcd that is ready only as a whole find each other by ``publishNotReadyAddresses`` alone."""
    for name, spec in (("quiet", {}), ("loud", {"publishNotReadyAddresses": True})):
        spec |= {"clusterIP": "None", "selector": {"app": "named"}, "ports": [{"port": 80}]}
        core.create_namespaced_service("default", {"metadata": {"name": name}, "spec": spec})
    probe = {"exec": {"command": ["test", "-e", "/ready"]}, "periodSeconds": 1}
    body = pod("named", "sleep 300", container={"readinessProbe": probe}, hostname="me", subdomain="quiet")
    core.create_namespaced_pod("default", body)
    wait_until(lambda: phase(core, "named") == "Running", "it runs", 30)

    def names():
        script = "for one in quiet me.quiet me.quiet.default.svc loud; do getent hosts $one >/dev/null && echo $one; done"
        return run_in_pod(core, "named", "default", script).split()

    assert names() == ["loud"]
    run_in_pod(core, "named", "default", "touch /ready")
    wait_until(lambda: names() == ["quiet", "me.quiet", "me.quiet.default.svc", "loud"], "it is ready", 30)


def test_exec_picks_a_container_and_tells_how_the_command_ended(core):
    second = {"name": "d", "image": IMAGE, "command": ["/bin/sh", "-c", "export WHO=d; sleep 1000"]}
    two = pod("eight", "sleep 1000")
    two["spec"]["containers"].append(second)
    core.create_namespaced_pod("default", two)
    core.create_namespaced_pod("default", pod("nine", "true"))
    wait_until(lambda: phase(core, "eight") == "Running", "it runs", 30)

    def run(name, *command, **given):
        return stream(
            core.connect_get_namespaced_pod_exec, name, "default", command=list(command),
            stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False, **given,
        )  # fmt: skip

    with pytest.raises(
        ApiException, match=r"a container name must be specified for pod eight, choose one of: \[c d\]"
    ):
        core.connect_get_namespaced_pod_exec("eight", "default", command=["true"])
    with pytest.raises(ApiException, match="container x is not valid for pod eight"):
        core.connect_get_namespaced_pod_exec("eight", "default", command=["true"], container="x")
    said = run("eight", "/bin/sh", "-c", "echo out; echo err >&2; exit 4", container="d")
    assert said.subprotocol == "v5.channel.k8s.io"
    said.run_forever(timeout=30)
    assert (said.read_stdout(), said.read_stderr()) == ("out\n", "err\n")
    status = yaml.safe_load(said.read_channel(3))
    assert (status["reason"], status["details"]["causes"]) == (
        "NonZeroExitCode", [{"reason": "ExitCode", "message": "4"}]
    )  # fmt: skip
    said.sock.shutdown()
    said = run("eight", "true", container="c")
    said.run_forever(timeout=30)
    assert said.returncode == 0
    said.sock.shutdown()
    assert ended(core, "nine")[0] == "Succeeded"
    with pytest.raises(ApiException, match='container not found .*"c'):
        core.connect_get_namespaced_pod_exec("nine", "default", command=["true"])


def test_jobs_fail_end_and_go_with_what_they_own(api, core):
    batch = client.BatchV1Api(api)
    template = {"spec": {k: v for k, v in pod("x", "exit 1")["spec"].items() if k != "name"}}
    job = batch.create_namespaced_job("default", {
        "metadata": {"name": "job"}, "spec": {"backoffLimit": 1, "template": template},
    })  # fmt: skip
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": job.metadata.uid}
    core.create_namespaced_secret("default", {"metadata": {"name": "owned", "ownerReferences": [owner]}})

    for event in watch.Watch().stream(batch.list_namespaced_job, "default", timeout_seconds=60):
        conditions = event["object"].status.conditions or []
        if any(one.type == "Failed" for one in conditions):
            break
    assert event["object"].status.failed == 2
    batch.delete_namespaced_job("job", "default", propagation_policy="Foreground")
    wait_until(
        lambda: not core.list_namespaced_pod("default", label_selector="job-name=job").items,
        "Pods are gone",
        30,
    )
    wait_until(
        lambda: "owned" not in {one.metadata.name for one in core.list_namespaced_secret("default").items},
        "gone",
        30,
    )
    # In the foreground: it goes behind what it owns.
    wait_until(
        lambda: "job" not in {one.metadata.name for one in batch.list_namespaced_job("default").items},
        "the Job is gone",
        30,
    )
    with pytest.raises(ApiException, match="not found"):
        batch.read_namespaced_job("job", "default")


def test_statefulsets_keep_order_names_and_claims(api, core):
    apps = client.AppsV1Api(api)
    probe = {"exec": {"command": ["test", "-e", "/data/ready"]}, "periodSeconds": 1}
    template = pod(
        "x", "hostname >> /data/names; sleep 1000",
        container={"volumeMounts": [{"name": "data", "mountPath": "/data"}], "readinessProbe": probe},
        restartPolicy="Always",
    )  # fmt: skip
    labels = {"app": "set"}
    apps.create_namespaced_stateful_set("default", {
        "metadata": {"name": "set"},
        "spec": {
            "replicas": 2, "serviceName": "set", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
        },
    })  # fmt: skip

    def names():
        return sorted(
            one.metadata.name for one in core.list_namespaced_pod("default", label_selector="app=set").items
        )

    def sh(name, script):
        return run_in_pod(core, name, "default", script)

    wait_until(lambda: names() == ["set-0"] and phase(core, "set-0") == "Running", "the first runs", 30)
    sh("set-0", "touch /data/ready")
    wait_until(lambda: names() == ["set-0", "set-1"], "the second comes once the first is ready", 30)
    apps.patch_namespaced_stateful_set_scale("set", "default", {"spec": {"replicas": 0}})
    wait_until(lambda: names() == [], "scaled down", 30)
    assert apps.read_namespaced_stateful_set_scale("set", "default").spec.replicas is None  # as the real one
    apps.patch_namespaced_stateful_set_scale("set", "default", {"spec": {"replicas": 1}})
    wait_until(lambda: names() == ["set-0"] and phase(core, "set-0") == "Running", "scaled up", 30)
    assert sh("set-0", "cat /data/names").split() == ["set-0", "set-0"]
    apps.delete_namespaced_stateful_set("set", "default")
    wait_until(lambda: names() == [], "gone with its owner", 30)


def links():
    return [name for _, name in socket.if_nameindex()]


def processes_with(word):
    return [pid for pid, words in command_lines() if word in " ".join(words)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_of_a_simulator_that_is_ended_or_killed(tmp_path, number):
    with Kubesim(tmp_path) as sim:
        api = config.new_client_from_config(str(sim.kubeconfig))
        core = client.CoreV1Api(api)
        seconds = f"{os.getpid()}.{number:d}"
        core.create_namespaced_pod("default", pod("sleeper", f"sleep {seconds}"))
        wait_until(lambda: processes_with(f"sleep {seconds}"), "it sleeps", 30)
        bridge = f"ks-{sim.pid}"
        assert bridge in links()
        os.kill(sim.pid, number)
        wait_until(lambda: not processes_with(f"sleep {seconds}"), "it sleeps no more", 30)
    with Kubesim(tmp_path / "next"):
        pass
    assert bridge not in links()


def status_of(core, name):
    wait_until(lambda: phase(core, name) == "Failed", f"{name} has failed", 60)
    return core.read_namespaced_pod(name, "default").status


def test_a_container_with_too_much_memory_is_killed_whole(core):
    """What counts is all its processes together."""
    # With a command behind sleep: as the last one it would take the shell's place, and its memory would be free.
    grows = "for i in 1 2 3; do (x=$(head -c 12000000 /dev/zero | tr '\\0' x); sleep 600; :) & done; wait"
    limited = {"resources": {"limits": {"memory": "30M"}}}
    core.create_namespaced_pod("default", pod("grows", grows, container=limited))
    ended = status_of(core, "grows").container_statuses[0].state.terminated
    assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)


def test_a_pod_that_writes_too_much_is_evicted(core):
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    writes = "dd if=/dev/zero of=/v/file bs=1M count=2; sleep 600"
    core.create_namespaced_pod("default", pod("writes", writes, container=mounts, volumes=volumes))
    status = status_of(core, "writes")
    assert status.reason == "Evicted"
    assert status.message == 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '


def test_what_a_quota_refuses(core, api):
    """A Pod at once; a Job's Pod until there is room."""
    core.create_namespace({"metadata": {"name": "small"}})
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    core.create_namespaced_resource_quota("small", quota)
    refused = 'pods "{}" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod("small", pod("refused", "true"))
    assert caught.value.status == 403
    assert refused.format("refused") in caught.value.body.replace('\\"', '"')
    job = {"metadata": {"name": "job"}, "spec": {"template": {"spec": pod("job", "true")["spec"]}}}
    batch = client.BatchV1Api(api)
    batch.create_namespaced_job("small", job)

    def told():
        events = core.list_namespaced_event("small", field_selector="involvedObject.name=job").items
        return [event.message for event in events if event.reason == "FailedCreate"]

    wait_until(lambda: bool(told()), "the event is there")
    assert told()[0].startswith('Error creating: pods "job-')
    assert told()[0].endswith(refused.partition('"{}"')[2])
    core.delete_namespaced_resource_quota("q", "small")
    wait_until(lambda: batch.read_namespaced_job("job", "small").status.succeeded, "the Job has ended", 60)
    core.delete_namespace("small")
