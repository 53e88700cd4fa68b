import json
from types import SimpleNamespace

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, KubernetesError, WorkloadError
from airflow_provider_stash.workloads.target_pod import TargetPod


def pod(name, *, ready=True, phase="Running", owner="u", **metadata):
    return {
        "metadata": {"name": name, "namespace": "demo", "ownerReferences": [{"uid": owner}], **metadata},
        "spec": {"containers": [{"name": "etcd"}]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Cluster:
    """Stands for the client's APIs: a Service, a StatefulSet, and pods."""

    def __init__(self, monkeypatch, *pods, selector=None):
        self.pods, self.selector, self.asked = (
            list(pods),
            {"app": "etcd"} if selector is None else selector,
            [],
        )
        for api in ("CoreV1Api", "AppsV1Api"):
            monkeypatch.setattr(f"kubernetes.client.{api}", lambda _: self)

    def _answer(self, what, **kwargs):
        self.asked.append(what)
        return SimpleNamespace(data=json.dumps(kwargs).encode())

    def read_namespaced_service(self, name, namespace, **_):
        return self._answer(f"Service {namespace}/{name}", spec={"selector": self.selector})

    def read_namespaced_stateful_set(self, name, namespace, **_):
        spec = {"selector": {"matchLabels": {"app": "etcd", "tier": "db"}}}
        return self._answer(f"StatefulSet {namespace}/{name}", metadata={"uid": "u"}, spec=spec)

    def list_namespaced_pod(self, namespace, label_selector, **_):
        return self._answer(f"Pods {namespace} {label_selector}", items=self.pods)

    def read_namespaced_pod(self, name, namespace, **_):
        from kubernetes.client import ApiException

        for one in self.pods:
            if one["metadata"]["name"] == name:
                return self._answer(f"Pod {namespace}/{name}", **one)
        raise ApiException(status=404, reason="Not Found")


def test_the_first_ready_pod_behind_a_service(monkeypatch):
    cluster = Cluster(
        monkeypatch, pod("etcd-2"), pod("etcd-0", ready=False), pod("etcd-1", deletionTimestamp="now"), pod("etcd-3")
    )  # fmt: skip
    found = TargetPod("Service", "etcd").find("client", "demo")
    assert str(found) == "demo/etcd-2"
    assert cluster.asked == ["Service demo/etcd", "Pods demo app=etcd"]
    assert str(TargetPod("Service", "etcd", "other").find("client", "demo")) == "demo/etcd-2"
    assert cluster.asked[2] == "Service other/etcd"


def test_a_pod_of_a_statefulset_and_a_pod_by_name(monkeypatch):
    cluster = Cluster(monkeypatch, pod("a", owner="another's"), pod("etcd-1"))
    assert TargetPod("StatefulSet", "etcd").find("client", "demo").name == "etcd-1"
    assert set(cluster.asked) == {"StatefulSet demo/etcd", "Pods demo app=etcd,tier=db"}
    assert TargetPod("Pod", "etcd-1").find("client", "demo").name == "etcd-1"


def test_no_pod_that_is_ready_is_told_with_what_there_is(monkeypatch):
    Cluster(monkeypatch, pod("etcd-1", ready=False), pod("etcd-0", ready=False, phase="Pending"),
            pod("etcd-2", deletionTimestamp="now"))  # fmt: skip
    with pytest.raises(WorkloadError) as caught:
        TargetPod("Service", "etcd").find("client", "demo", timeout=0)
    assert str(caught.value).startswith(
        "Service demo/etcd: no pod is ready (etcd-0 is pending, etcd-1 is running, but not ready, etcd-2 is being "
        "deleted) after 0 s."
    )
    Cluster(monkeypatch)
    with pytest.raises(WorkloadError, match=r"Pod demo/etcd: no pod is ready \(there is none\)"):
        TargetPod("Pod", "etcd").find("client", "demo", timeout=0)


def test_one_that_gets_ready_is_waited_for(monkeypatch):
    late = pod("etcd-0", ready=False)
    Cluster(monkeypatch, late)
    monkeypatch.setattr(
        "airflow_provider_stash.workloads.pod_waits.time.sleep",
        lambda _: late["status"]["conditions"][0].update(status="True"),
    )
    assert TargetPod("Service", "etcd").find("client", "demo").name == "etcd-0"


def test_a_service_that_is_not_there_or_has_no_pods_of_its_own(monkeypatch):
    from kubernetes.client import ApiException

    cluster = Cluster(monkeypatch, selector={})
    with pytest.raises(InvalidConfigurationError, match="Service demo/etcd has no selector"):
        TargetPod("Service", "etcd").find("client", "demo")

    def missing(*_, **__):
        raise ApiException(status=404, reason="Not Found")

    monkeypatch.setattr(cluster, "read_namespaced_service", missing)
    with pytest.raises(
        KubernetesError, match="Service demo/etcd, which the hook's pod is to be of, is not there"
    ):
        TargetPod("Service", "etcd").find("client", "demo")


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "x"), ("Service", "")])
def test_what_can_not_be_meant(kind, name):
    with pytest.raises(InvalidConfigurationError, match="TargetPod: "):
        TargetPod(kind, name)
