"""A team that uses Stash: its repository, and its manifests as ``kubectl get -o yaml`` gives them."""

import copy

import yaml

from testbed.binaries import restics
from testbed.etcd_access import PASSWORD
from testbed.session import far_from_now
from testbed.stash_job import PASSWORD as REPOSITORY_PASSWORD
from testbed.stash_job import StashJob
from testbed.stash_objects import point_appbinding, point_repository, read_objects, secret
from tests.integration.airflow.local_manifests import EXAMPLES
from tests.integration.airflow.moving_page import NAMESPACE


class Moving:
    """
    What the team has.

    :param cluster: their etcd.
    :param directory: for all of it.
    """

    def __init__(self, cluster, directory):
        self.job = StashJob(directory, restics()[0])
        self.manifests = directory / "stash"
        self.manifests.mkdir()
        self.file = self.manifests / f"{NAMESPACE}.yaml"
        objects = read_objects(EXAMPLES)
        point_appbinding(objects["appbinding"], cluster)
        point_repository(objects["repository"], self.job.root)
        objects["repository"]["spec"]["backend"]["local"]["subPath"] = "repository"
        objects["backupconfiguration"]["spec"]["schedule"] = far_from_now()
        objects["secret"] = secret("etcd-basic-auth", username="root", password=PASSWORD)
        objects["storage"] = secret("gcs-secret", RESTIC_PASSWORD=REPOSITORY_PASSWORD)
        self._write([self._as_kept(number, one) for number, one in enumerate(objects.values())])
        cluster.fill(1000, size=512)
        self.job.initialize()
        for _ in range(2):
            file = self.job.data / "snapshot.db"
            file.unlink(missing_ok=True)
            cluster.ctl("snapshot", "save", str(file), endpoints=cluster.client_urls[:1])
            self.job.back_up()
        self.keys = cluster.all_keys()

    @staticmethod
    def _as_kept(number, one):
        """Add what a cluster adds to an object."""
        one = copy.deepcopy(one)
        one["metadata"] |= {
            "namespace": NAMESPACE,
            "uid": f"00000000-0000-0000-0000-{number:012d}",
            "resourceVersion": str(1000 + number),
            "generation": 1,
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "managedFields": [{"manager": "kubectl", "operation": "Apply"}],
        }
        return one

    def _write(self, items):
        whole = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
        self.file.write_text(yaml.safe_dump(whole))

    def _items(self):
        return yaml.safe_load(self.file.read_text())["items"]

    def remove_secrets(self):
        self._write([one for one in self._items() if one["kind"] != "Secret"])

    def patch(self, changes):
        """Change the BackupConfiguration as ``kubectl patch --type merge`` does, one level deep."""
        items = self._items()
        for one in items:
            if one["kind"] == "BackupConfiguration":
                for name, values in changes.items():
                    one[name] |= values
        self._write(items)
