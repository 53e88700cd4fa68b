import base64
from types import SimpleNamespace
from typing import ClassVar

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, KubernetesError, WorkloadError
from airflow_provider_stash.kubernetes.api import ConflictError, NotFoundError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.workloads import pod, pod_waits, statefulset
from airflow_provider_stash.workloads.member_jobs import MemberJobs, MemberPlace
from airflow_provider_stash.workloads.params import workload_from_params
from airflow_provider_stash.workloads.permissions import Permission
from airflow_provider_stash.workloads.pod import PodWorkload, recreatable
from airflow_provider_stash.workloads.pod_template import read_pod
from airflow_provider_stash.workloads.restore_record import Record
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload, member_of

PEERS = {f"m{number}": [f"http://etcd-{number}.etcd:2380"] for number in range(11)}


class Eleven(StatefulSetWorkload):
    """A StatefulSet of eleven members that are called otherwise than their Pods, listed in another order."""

    def _read(self):
        peers = ",".join(f"{name}={PEERS[name][0]}" for name in sorted(PEERS, reverse=True))
        mounts = [{"name": "data", "mountPath": "/d"}]
        container = {
            "name": "etcd",
            "command": ["etcd", "--data-dir=/d", f"--initial-cluster={peers}"],
            "volumeMounts": mounts,
        }
        template = {"spec": {"containers": [container], "securityContext": self.given}}
        spec = {"template": template, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
        return {"metadata": {}, "spec": spec}

    given: ClassVar = {}

    def pods(self):
        return [{"metadata": {"name": "etcd-10"}, "spec": {"nodeName": "n"}}]


def test_eleven_members_are_paired_by_ordinal():
    workload = Eleven(name="etcd")
    places = workload.places(workload._etcd())
    assert [one.pod for one in places] == [f"etcd-{ordinal}" for ordinal in range(11)]
    assert [one.name for one in places] == [f"m{ordinal}" for ordinal in range(11)]
    assert [one.claim for one in places] == [f"data-etcd-{ordinal}" for ordinal in range(11)]
    assert [one.node for one in places] == [None] * 10 + ["n"]


def test_members_by_name_or_peer_url():
    assert member_of("etcd-1", {"etcd-1": ["http://x:1"]}, "here") == "etcd-1"
    assert (
        member_of("etcd-1", {"a": ["http://etcd-10.e:1"], "b": ["https://etcd-1.e.ns.svc:1"]}, "here") == "b"
    )
    with pytest.raises(
        InvalidConfigurationError, match="here: initial_cluster names no member for Pod etcd-1: a"
    ):
        member_of("etcd-1", {"a": ["http://etcd-10.e:1"]}, "here")


@pytest.mark.parametrize(
    ("pod", "user", "root"),
    [({"runAsUser": 1000, "fsGroup": 2000}, 1000, False), ({}, 0, True), ({"runAsUser": 0}, 0, True)],
)
def test_jobs_run_as_etcd_does(pod, user, root):
    workload = type("Workload", (Eleven,), {"given": pod})(name="etcd")
    etcd = workload._etcd()
    jobs = MemberJobs(None, KubernetesJob(image="i"), etcd, workload.pod_spec(), "key")
    settings = jobs._settings(MemberPlace("m1", "etcd-1", "data-etcd-1", node="n"), on_node=True)
    context = settings.container["securityContext"]
    assert context["runAsUser"] == user
    assert context["runAsNonRoot"] is not root
    assert ("CHOWN" in context.get("capabilities", {}).get("add", ())) is root
    assert settings.pod["securityContext"] == pod
    assert settings.pod["nodeName"] == "n"
    assert settings.pod["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["etcd-1.etcd"]}]
    given = MemberJobs(
        None, KubernetesJob(container={"securityContext": {"runAsUser": 7}}), etcd, workload.pod_spec(), "key"
    )
    alone = given._settings(MemberPlace("m1", "etcd-1", "data-etcd-1", node="n"), on_node=False)
    assert alone.container["securityContext"]["runAsUser"] == 7
    assert alone.container["securityContext"]["runAsNonRoot"] is True
    assert "nodeName" not in alone.pod
    # As Stash's guides have it, whoever etcd runs as.
    settings = KubernetesJob(container={"securityContext": {"runAsUser": 0, "runAsGroup": 0}})
    as_root = MemberJobs(None, settings, etcd, workload.pod_spec(), "key")
    context = as_root._settings(MemberPlace("m1", "etcd-1", "data-etcd-1"), on_node=False).container[
        "securityContext"
    ]
    assert (context["runAsUser"], context["runAsNonRoot"]) == (0, False)
    assert "CHOWN" in context["capabilities"]["add"]


def test_a_cluster_that_serves_no_budgets_is_told(monkeypatch):
    """Kubernetes before 1.21: they are only for a warning."""

    def call(method, *arguments):
        raise NotFoundError("Kubernetes: Not Found")

    monkeypatch.setattr(statefulset, "call", call)
    workload = Eleven(name="etcd", api_client=object())
    owner = {"spec": {"template": {"metadata": {}}}}
    (warning,) = workload._budget_warnings(owner)
    assert "serves none of policy/v1" in warning


@pytest.mark.parametrize(("policy", "ended"), [("OrderedReady", ["etcd-1"]), ("Parallel", [])])
def test_pods_that_are_not_ready_are_ended_where_the_controller_waits_for_them(monkeypatch, policy, ended):
    deleted = []

    def call(method, name, namespace, *, body):
        assert method.__name__ == "delete_namespaced_pod"
        deleted.append((name, body["preconditions"]["uid"]))

    def pod_of(name, status, **metadata):
        conditions = [{"type": "Ready", "status": status}]
        return {
            "metadata": {"name": name, "uid": f"uid-{name}", **metadata},
            "status": {"conditions": conditions},
        }

    monkeypatch.setattr(statefulset, "call", call)
    workload = Eleven(name="etcd", api_client=object())
    monkeypatch.setattr(Eleven, "_read", lambda self: {"spec": {"podManagementPolicy": policy}})
    pods = [
        pod_of("etcd-0", "True"),
        pod_of("etcd-1", "False"),
        pod_of("etcd-2", "False", deletionTimestamp="now"),
    ]
    workload.end(pods)
    assert deleted == [(name, f"uid-{name}") for name in ended]


def test_an_address_as_peer_url_needs_no_name():
    spec = {"containers": [{"name": "e", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]}
    etcd = read_pod(spec, where="w", data_dir="/d", initial_cluster="m=http://10.0.0.1:2380")
    settings = MemberJobs(None, KubernetesJob(), etcd, spec, "key")._settings(
        MemberPlace("m", "p", "c"), on_node=True
    )
    assert not set(settings.pod) & {"hostAliases", "nodeName"}


def test_params_of_stash():
    params = {
        "workloadKind": "StatefulSet", "workloadName": "etcd", "dataDir": "/d", "initialCluster": "a=http://a:1",
        "initialClusterToken": "t",
    }  # fmt: skip
    workload = workload_from_params(params, namespace="demo")
    assert workload == StatefulSetWorkload(
        name="etcd",
        namespace="demo",
        data_dir="/d",
        initial_cluster="a=http://a:1",
        initial_cluster_token="t",
    )
    assert workload_from_params({"workloadKind": "Pod", "workloadName": "p", "dataDir": ""}) == PodWorkload(
        name="p"
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"workloadKind": "Pod"}, "no workloadName"),
        ({"workloadKind": "Deployment", "workloadName": "e"}, "'Deployment': give one of StatefulSet, Pod"),
        ({"workloadKind": "Pod", "workloadName": "e", "dataDirectory": "/d"}, "dataDirectory; known are"),
    ],
)
def test_params_that_can_not_be_meant(params, words):
    with pytest.raises(InvalidConfigurationError, match=words):
        workload_from_params(params)


def test_a_pods_manifest_without_what_the_cluster_filled_in():
    token = {"name": "kube-api-access-x", "mountPath": "/var/run/secrets"}
    pod = {
        "metadata": {"name": "p", "uid": "u", "resourceVersion": "1", "labels": {"a": "b"}, "managedFields": []},
        "spec": {
            "nodeName": "n", "volumes": [{"name": "d"}, {"name": "kube-api-access-x"}],
            "containers": [{"name": "c", "volumeMounts": [{"name": "d", "mountPath": "/d"}, token]}],
        },
        "status": {"phase": "Running"},
    }  # fmt: skip
    assert recreatable(pod) == {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {
            "volumes": [{"name": "d"}],
            "containers": [{"name": "c", "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
        },
    }  # fmt: skip
    assert pod["spec"]["nodeName"] == "n"


def test_records_and_permissions_as_text():
    record = Record("k", "stopped", 3, ["etcd-0"])
    assert Record.load(record.dump()) == record
    assert Record.load(None) is None
    assert str(Permission("get", "apps", "statefulsets", "etcd")) == "get statefulsets.apps etcd"
    assert str(Permission("get", "", "pods/log")) == "get pods/log"


def test_who_else_scales_it():
    """Of those that have changed it the ones that have set the replicas, and its owner."""

    def manager(name, *fields):
        return {"manager": name, "fieldsV1": {"f:spec": {field: {} for field in fields}}}

    class Managed(StatefulSetWorkload):
        def _read(self):
            managers = [manager("kubectl", "f:template"), manager("etcd-operator", "f:replicas")]
            owner = {"kind": "EtcdCluster", "name": "demo"}
            return {"metadata": {"managedFields": managers, "ownerReferences": [owner]}}

    assert Managed(name="etcd").who_manages() == "EtcdCluster demo, field manager etcd-operator"
    assert Eleven(name="etcd").who_manages() == "its metadata names nobody"


def test_a_workload_that_is_not_connected_says_so():
    with pytest.raises(InvalidConfigurationError, match="no client of its cluster"):
        StatefulSetWorkload(name="etcd").replicas()


class PodCluster:
    """The API as far as a bare Pod's restore asks it: one Pod, one Secret."""

    def __init__(self, looks_until_gone=0):
        container = {
            "name": "etcd",
            "command": ["etcd", "--data-dir=/d/etcd", "--initial-cluster=m=http://p:2380"],
            "volumeMounts": [{"name": "d", "mountPath": "/d"}],
        }
        volume = {"name": "d", "persistentVolumeClaim": {"claimName": "c"}}
        spec = {"containers": [container], "volumes": [volume]}
        self.pod = self._running({"metadata": {"name": "p"}, "spec": spec})
        self.secret = None
        self.looks_until_gone, self.refused = looks_until_gone, 0

    @staticmethod
    def _running(manifest):
        return {**manifest, "status": {"containerStatuses": [{"state": {"running": {}}}]}}

    def call(self, method, *arguments):
        return getattr(self, method.__name__)(*arguments)

    def read_namespaced_pod(self, name, namespace):
        if self.pod is None:
            raise NotFoundError(name)
        return self.pod

    def create_namespaced_pod(self, namespace, manifest):
        if self.refused:
            self.refused -= 1
            raise KubernetesError("refused")
        if self.pod is not None:
            if "deletionTimestamp" in self.pod["metadata"]:
                self.looks_until_gone -= 1
                self.pod = self.pod if self.looks_until_gone > 0 else None
            raise ConflictError("p")
        self.pod = self._running(manifest)

    def delete_namespaced_pod(self, name, namespace):
        if self.pod is None:
            raise NotFoundError(name)
        going = {**self.pod["metadata"], "deletionTimestamp": "now"}
        self.pod = {**self.pod, "metadata": going} if self.looks_until_gone else None

    def read_namespaced_secret(self, name, namespace):
        if self.secret is None:
            raise NotFoundError(name)
        return {"data": self.secret}

    def create_namespaced_secret(self, namespace, body):
        if self.secret is not None:
            raise ConflictError("s")
        self.secret = body["data"]

    def patch_namespaced_secret(self, name, namespace, body):
        self.secret |= body["data"]

    def phase(self):
        return Record.load(base64.b64decode(self.secret["record"]).decode()).phase


@pytest.fixture
def bare_pod(monkeypatch):
    """Make a workload of a ``PodCluster``; its Jobs do nothing."""
    monkeypatch.setattr(pod_waits, "_POLL", 0.01)
    jobs = SimpleNamespace(remove=lambda *_: None, run=lambda *_, **__: [{"name": "m", "rolledBack": True}])
    monkeypatch.setattr(PodWorkload, "_jobs", lambda *_: jobs)

    def make(cluster):
        monkeypatch.setattr(pod, "call", cluster.call)
        return PodWorkload(name="p", namespace="n", api_client=object(), stop_timeout=0.5, start_timeout=0.2)

    return make


def test_a_pod_that_was_slow_to_stop_comes_back(bare_pod):
    """Its deletion can't be taken back: it is created again once it is gone."""
    cluster = PodCluster(looks_until_gone=5)
    workload = bare_pod(cluster)
    with pytest.raises(WorkloadError, match=r"Pods p are not gone after"):
        workload.stop(key="k")
    assert workload.roll_back(key="k") == [{"name": "m", "rolledBack": False, "running": True}]
    assert "deletionTimestamp" not in cluster.pod["metadata"]
    assert cluster.phase() == "rolled-back"


@pytest.mark.parametrize("phase", ["stopped", "swapping", "swapped"])
def test_a_roll_back_that_failed_is_done_again(bare_pod, phase):
    cluster = PodCluster()
    workload = bare_pod(cluster)
    workload.stop(key="k")
    workload.write(Record("k", phase, 1, ["p"]))
    cluster.refused = 1
    with pytest.raises(KubernetesError, match="refused"):
        workload.roll_back(key="k")
    assert cluster.pod is None
    (member,) = workload.roll_back(key="k")
    assert member["running"] is True
    assert cluster.phase() == "rolled-back"


def test_a_pod_that_never_goes_is_told_and_stays_to_be_rolled_back(bare_pod):
    cluster = PodCluster(looks_until_gone=10_000)
    workload = bare_pod(cluster)
    for step in (workload.stop, workload.roll_back):
        with pytest.raises(WorkloadError, match="not gone after"):
            step(key="k")
    assert cluster.phase() == "stopped"
