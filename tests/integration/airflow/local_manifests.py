"""The manifests of Stash's etcd guide (basic auth), changed where they name servers."""

import base64
from pathlib import Path

import yaml

from testbed.etcd_cluster import PASSWORD
from testbed.session import REPOSITORY_PASSWORD

EXAMPLES = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"
HOOK = {"httpPost": {"host": "127.0.0.1", "port": 1, "path": "/"}}


def local_manifests(cluster, directory):
    """Write the guide's objects, one file each; beside them a batch, a blueprint, and two that are refused."""
    read = {path.stem: yaml.safe_load(path.read_text()) for path in EXAMPLES.iterdir()}
    config = cluster.config()
    read["secret"]["stringData"] = {"username": config.user, "password": PASSWORD}
    read["appbinding"]["spec"]["clientConfig"] = {
        "url": ",".join(endpoint.url for endpoint in config.endpoints),
        "caBundle": base64.b64encode(config.ca_cert).decode(),
    }
    read["repository"]["spec"]["backend"] = {
        "local": {
            "hostPath": {"path": str(directory / "backend")},
            "mountPath": "/safe/data",
            "subPath": "etcd",
        },
        "storageSecretName": "gcs-secret",
    }
    read["storage"] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "gcs-secret", "namespace": "demo"},
        "data": {"RESTIC_PASSWORD": base64.b64encode(REPOSITORY_PASSWORD.encode()).decode()},
    }
    backup = read["backupconfiguration"]
    backup["spec"]["schedule"] = "0 0 1 1 *"
    ref = backup["spec"]["target"]["ref"]
    task = backup["spec"]["task"]
    read["batch"] = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": "both", "namespace": "demo"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "executionOrder": "Sequential",
            "retentionPolicy": {"keepLast": 3},
            "members": [
                # Nobody listens there: the hook before it fails, and with it the member.
                {"task": task, "target": {"alias": "first", "ref": ref}, "hooks": {"preBackup": HOOK}},
                {"task": task, "target": {"alias": "second", "ref": ref}},
            ],
        },
    }
    read["broken"] = {**backup, "metadata": {"name": "broken", "namespace": "demo"}}
    read["broken"] = {**read["broken"], "spec": {**backup["spec"], "driver": "VolumeSnapshotter"}}
    (directory / "stash").mkdir()
    for name, document in read.items():
        (directory / "stash" / f"{name}.yaml").write_text(yaml.safe_dump(document))
    (directory / "stash" / "misspelt.yaml").write_text(
        yaml.safe_dump({**backup, "metadata": {"name": "misspelt"}}).replace("keepLast:", "keepLat:")
    )
    return directory / "stash"
