"""The manifests of Stash's etcd guide (basic auth), changed where they name servers."""

from pathlib import Path

import yaml

from testbed.etcd_cluster import PASSWORD
from testbed.session import REPOSITORY_PASSWORD, far_from_now
from testbed.stash_objects import point_appbinding, point_repository, read_objects, secret, write_objects

EXAMPLES = Path(__file__).parents[2] / "stash_manifests" / "etcd-basic-auth"
HOOK = {"httpPost": {"host": "127.0.0.1", "port": 1, "path": "/"}}


def tell(webhook, hook, words):
    """Make a hook that posts a template's text to a server."""
    where = {"host": "127.0.0.1", "port": webhook.server_port, "path": f"/batch/{hook}"}
    return {hook: {"httpPost": {**where, "body": words}}}


def local_manifests(cluster, directory, webhook):
    """Write the guide's objects, one file each; beside them two batches, and two that are refused."""
    read = read_objects(EXAMPLES)
    read["secret"]["stringData"] = {"username": cluster.config().user, "password": PASSWORD}
    point_appbinding(read["appbinding"], cluster)
    point_repository(read["repository"], directory / "backend")
    read["storage"] = secret("gcs-secret", RESTIC_PASSWORD=REPOSITORY_PASSWORD)
    backup = read["backupconfiguration"]
    backup["spec"]["schedule"] = far_from_now()
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
    read["elsewhere"] = {
        **read["appbinding"],
        "metadata": {"name": "etcd-elsewhere", "namespace": "demo"},
        "spec": {"type": "etcd", "clientConfig": {"url": "http://127.0.0.1:1"}},  # no member is alive
    }
    read["restores"] = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreBatch",
        "metadata": {"name": "restores", "namespace": "demo"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "executionOrder": "Sequential",
            "members": [
                {
                    "task": {"name": "etcd-restore-3.5.0"},
                    "target": {
                        "alias": alias,
                        "ref": {**ref, "name": name},
                        "rules": [{"sourceHost": "second"}],
                    },
                }
                for alias, name in (("elsewhere", "etcd-elsewhere"), ("here", ref["name"]))
            ],
            "hooks": {
                **tell(webhook, "preRestore", "{{ .Invoker.Name }} begins"),
                **tell(webhook, "postRestore", "{{ .Invoker.Kind }} {{ .Status.Phase }}"),
            },
        },
    }
    read["broken"] = {**backup, "metadata": {"name": "broken", "namespace": "demo"}}
    read["broken"] = {**read["broken"], "spec": {**backup["spec"], "driver": "VolumeSnapshotter"}}
    write_objects(directory / "stash", read)
    (directory / "stash" / "misspelt.yaml").write_text(
        yaml.safe_dump({**backup, "metadata": {"name": "misspelt"}}).replace("keepLast:", "keepLat:")
    )
    return directory / "stash"
