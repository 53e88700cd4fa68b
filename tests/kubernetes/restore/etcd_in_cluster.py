"""etcd in a Kubernetes cluster, as in Stash's guides, image aside; and a repository beside it."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import ClassVar

from kubernetes import client

from airflow_provider_stash.restic.repository import Repository
from testbed.binaries import find, newest_etcd
from testbed.certificates import Authority
from testbed.etcd_access import EtcdAccess
from testbed.process import wait_until
from tests.kubernetes.pods import run_in_pod

ETCD_IMAGE = os.environ.get("STASH_TEST_ETCD_IMAGE", "kubesim/etcd:test")
RCLONE_IMAGE = os.environ.get("STASH_TEST_RCLONE_IMAGE", "kubesim/rclone:test")
BUSYBOX_IMAGE = os.environ.get("STASH_TEST_BUSYBOX_IMAGE", "kubesim/busybox:test")
STORAGE_CLASS = os.environ.get("STASH_TEST_STORAGE_CLASS")
DATA_DIR = "/var/run/etcd"
SECONDS = 120


def claim_spec():
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {**spec, "storageClassName": STORAGE_CLASS} if STORAGE_CLASS else spec


class EtcdInCluster(EtcdAccess):
    """
    Members in a namespace, each reached by a Service of its own.

    :param name: of the workload; its Pods are ``names``.
    """

    service = "etcd"

    def __init__(self, api, namespace, directory, name, names, *, tls, password):
        self.api, self.namespace, self.name, self.names = api, namespace, name, names
        self.core, self.apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self.tls = self.client_cert_auth = tls
        self.password = password
        self.etcdctl = find("etcdctl", directory=newest_etcd())
        self.scheme = "https" if tls else "http"
        self.authority = Authority(Path(directory) / "pki")
        self._make_services()
        names = tuple(f"{one}.{self.service}" for one in self.names)
        ips = ("127.0.0.1", *self.addresses.values())
        self.server_pair = self.authority.issue("server", names=("localhost", *names), ips=ips)
        self.client_pair = self.authority.issue("client")

    def _make_services(self):
        ports = [{"port": 2379, "name": "client"}, {"port": 2380, "name": "peer"}]
        # Members must find each other before they are ready, where a probe asks etcd.
        headless = {
            "clusterIP": "None", "ports": ports, "selector": {"app": self.name}, "publishNotReadyAddresses": True,
        }  # fmt: skip
        self.core.create_namespaced_service(
            self.namespace, {"metadata": {"name": self.service}, "spec": headless}
        )
        for name in self.names:
            own = {"ports": ports[:1], "selector": self.selector(name), "publishNotReadyAddresses": True}
            self.core.create_namespaced_service(
                self.namespace, {"metadata": {"name": f"{name}-client"}, "spec": own}
            )
        self.addresses = {}

        def addressed():
            for name in self.names:
                found = self.core.read_namespaced_service(f"{name}-client", self.namespace)
                self.addresses[name] = found.spec.cluster_ip
            return all(self.addresses.values())

        wait_until(addressed, "Services have addresses", SECONDS)

    def selector(self, name):
        return {"statefulset.kubernetes.io/pod-name": name}

    @property
    def client_urls(self):
        return [f"{self.scheme}://{address}:2379" for address in self.addresses.values()]

    @property
    def initial_cluster(self):
        return ",".join(f"{one}={self.scheme}://{one}.{self.service}:2380" for one in self.names)

    def container(self):
        """Give etcd's container, in the words of Stash's guides."""
        script = (
            f"exec etcd --name ${{HOSTNAME}} \\\n"
            f"  --listen-peer-urls {self.scheme}://0.0.0.0:2380 \\\n"
            f"  --listen-client-urls {self.scheme}://0.0.0.0:2379 \\\n"
            f"  --initial-cluster {self.initial_cluster} \\\n"
            f"  --initial-cluster-token etcd-cluster-1 \\\n"
            f"  --advertise-client-urls {self.scheme}://${{HOSTNAME}}.{self.service}:2379 \\\n"
            f"  --initial-advertise-peer-urls {self.scheme}://${{HOSTNAME}}.{self.service}:2380 \\\n"
            f"  --bcrypt-cost 4 \\\n"  # logins that cost little
            f"  --data-dir {DATA_DIR}"
        )
        mounts = [{"name": "data", "mountPath": DATA_DIR}]
        if self.tls:
            script += (
                " \\\n  --client-cert-auth --cert-file /etc/etcd-secret/server.pem --key-file"
                " /etc/etcd-secret/server-key.pem --trusted-ca-file /etc/etcd-secret/ca.pem --peer-auto-tls"
            )
            mounts.append({"name": "etcd-secret", "mountPath": "/etc/etcd-secret"})
        return {
            "name": "etcd", "image": ETCD_IMAGE, "command": ["/bin/sh", "-c", script], "volumeMounts": mounts,
            "ports": [{"containerPort": 2379, "name": "client"}, {"containerPort": 2380, "name": "peer"}],
        }  # fmt: skip

    def volumes(self):
        if not self.tls:
            return []
        files = {
            "server.pem": self.server_pair.cert,
            "server-key.pem": self.server_pair.key,
            "ca.pem": self.authority.cert,
        }
        data = {name: base64.b64encode(path.read_bytes()).decode() for name, path in files.items()}
        self.core.create_namespaced_secret(
            self.namespace, {"metadata": {"name": "etcd-server-certs"}, "data": data}
        )
        return [{"name": "etcd-secret", "secret": {"secretName": "etcd-server-certs"}}]

    def wait_healthy(self):
        def healthy():
            try:
                self.ctl("endpoint", "health", password=None)
            except RuntimeError as error:
                return "user name is empty" in str(error) or "authentication" in str(error)
            return True

        wait_until(healthy, f"{self.name} is healthy", SECONDS)

    def pods(self):
        return self.core.list_namespaced_pod(self.namespace, label_selector=f"app={self.name}").items

    def sh(self, pod, script):
        """Run a shell's script in a member's container, which may end by it."""
        return run_in_pod(self.core, pod, self.namespace, script)

    def on_volume(self, claim, script):
        """Run a shell's script on a claim that no Pod uses now; gives what it wrote."""
        name = f"on-{claim}"
        container = {
            "name": "sh", "image": BUSYBOX_IMAGE, "command": ["/bin/sh", "-c", script], "workingDir": DATA_DIR,
            "volumeMounts": [{"name": "data", "mountPath": DATA_DIR}],
        }  # fmt: skip
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
        body = {
            "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "containers": [container], "volumes": [volume]},
        }
        self.core.create_namespaced_pod(self.namespace, body)

        def ended():
            return self.core.read_namespaced_pod(name, self.namespace).status.phase in {"Succeeded", "Failed"}

        wait_until(ended, f"{name} has ended", SECONDS)
        said = self.core.read_namespaced_pod_log(name, self.namespace, _preload_content=False).data.decode()
        assert self.core.read_namespaced_pod(name, self.namespace).status.phase == "Succeeded", said
        self.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)
        return said

    def break_all(self):
        """Spoil every member's write-ahead log, and wait until none comes up any more."""
        for name in self.names:
            self.sh(name, f"for log in {DATA_DIR}/member/wal/*.wal; do echo broken > $log; done; kill 1")

        def restarted():
            return all(pod.status.container_statuses[0].restart_count for pod in self.pods())

        wait_until(restarted, "every container has been started again", SECONDS)

    def wait_pods(self, count):
        wait_until(lambda: len(self.pods()) == count, f"{count} Pods", SECONDS)


class EtcdStatefulSet(EtcdInCluster):
    """The StatefulSet of Stash's basic-auth or TLS guide; ``spec`` and ``pod`` change its spec and its Pods'."""

    def __init__(
        self,
        api,
        namespace,
        directory,
        *,
        name="etcd",
        size=3,
        tls=False,
        password=None,
        spec=None,
        pod=None,
        container=None,
    ):
        names = [f"{name}-{ordinal}" for ordinal in range(size)]
        super().__init__(api, namespace, directory, name, names, tls=tls, password=password)
        labels = {"app": name}
        body = {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "serviceName": self.service, "replicas": size, "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{**self.container(), **(container or {})}], "volumes": self.volumes(), **(pod or {})},
                },
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim_spec()}],
                **(spec or {}),
            },
        }  # fmt: skip
        self.apps.create_namespaced_stateful_set(namespace, body)

    def start(self):
        """Wait until it serves, and turn authentication on where there is a password."""
        self.wait_healthy()
        if self.password is not None:
            self.enable_authentication()

    def scale(self, replicas):
        self.apps.patch_namespaced_stateful_set(self.name, self.namespace, {"spec": {"replicas": replicas}})
        self.wait_pods(replicas)

    def read(self):
        return self.apps.read_namespaced_stateful_set(self.name, self.namespace)


class EtcdPod(EtcdInCluster):
    """A bare Pod with an etcd of one member."""

    def __init__(self, api, namespace, directory, *, name="etcd"):
        super().__init__(api, namespace, directory, name, [name], tls=False, password=None)
        self.core.create_namespaced_persistent_volume_claim(
            namespace, {"metadata": {"name": f"{name}-data"}, "spec": claim_spec()}
        )
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": f"{name}-data"}}
        body = {
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "containers": [self.container()], "volumes": [claim], "hostname": name, "subdomain": self.service,
                "terminationGracePeriodSeconds": 5,
            },
        }  # fmt: skip
        self.core.create_namespaced_pod(namespace, body)

    def selector(self, name):
        return {"app": name}


class RepositoryServer:
    """A repository that both the tests and Jobs can reach: rclone's REST server in a Pod."""

    user, password = "restic", "repository-server-password"
    keys: ClassVar = {"REST_SERVER_USERNAME": user, "REST_SERVER_PASSWORD": password}

    def __init__(self, api, namespace):
        core = client.CoreV1Api(api)
        labels = {"app": "repository"}
        environment = {"RCLONE_USER": self.user, "RCLONE_PASS": self.password}
        container = {
            "name": "rclone", "image": RCLONE_IMAGE,
            "command": ["rclone", "serve", "restic", "--addr", "0.0.0.0:8080", "/srv"],
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            "volumeMounts": [{"name": "srv", "mountPath": "/srv"}],
            "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        }  # fmt: skip
        body = {
            "metadata": {"name": "repository", "labels": labels},
            "spec": {
                "containers": [container],
                "volumes": [{"name": "srv", "emptyDir": {}}],
                "terminationGracePeriodSeconds": 1,
            },
        }
        core.create_namespaced_pod(namespace, body)
        spec = {"selector": labels, "ports": [{"port": 8080}]}
        core.create_namespaced_service(namespace, {"metadata": {"name": "repository"}, "spec": spec})

        def ready():
            pod = core.read_namespaced_pod("repository", namespace)
            self.address = core.read_namespaced_service("repository", namespace).spec.cluster_ip
            conditions = {one.type: one.status for one in pod.status.conditions or []}
            return bool(self.address) and conditions.get("Ready") == "True"

        wait_until(ready, "the repository's server is ready", SECONDS)

    def location(self, name):
        """Give where a repository is; the keys are asked for."""
        return f"rest:http://{self.address}:8080/{name}/"

    def repository(self, name, restic):
        """Give a repository by its name."""
        location = f"rest:http://{self.user}:{self.password}@{self.address}:8080/{name}/"
        return Repository(location, "repository-password", no_cache=True, restic=restic)
