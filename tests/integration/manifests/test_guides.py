"""The etcd guides of Stash's documentation, TLS and customization, run on real servers (basic auth: ../airflow)."""

import copy
from pathlib import Path

import pytest

from airflow_provider_stash.restic.snapshots import list_snapshots
from testbed.etcd_cluster import PASSWORD as ETCD_PASSWORD
from testbed.stash_objects import point_appbinding, point_repository, read_objects, secret, write_objects
from tests.integration.manifests.conftest import PASSWORD, described

pytestmark = pytest.mark.timeout(600)
EXAMPLES = Path(__file__).parents[2] / "stash_manifests"
CONFIRM = "stash_appbinding__demo__etcd_appbinding"


def dag_id(kind, name):
    return f"stash.demo.{kind}.{name}"


@pytest.fixture(scope="module")
def tls(clusters, serve):
    """The TLS guide: clients are known by their certificates alone."""
    cluster = clusters("tls", password=None, client_cert_auth=True)
    stash = serve({"demo/etcd-appbinding": [described(cluster.members[0])]})
    objects = read_objects(EXAMPLES / "etcd-tls")
    point_appbinding(objects["appbinding"], cluster)
    point_repository(objects["repository"], stash.backend)
    config = cluster.config()
    pair = {"client.pem": config.client_cert, "client-key.pem": config.client_key}
    objects["certificates"] = secret("etcd-client-certs", **pair)
    objects["storage"] = secret("gcs-secret", RESTIC_PASSWORD=PASSWORD)
    write_objects(stash.manifests, objects)
    return cluster, stash


def test_tls(tls):
    cluster, stash = tls
    cluster.fill(50)
    before = cluster.all_keys()
    assert stash.succeed(dag_id("backupconfiguration", "etcd-tls-backup"))["forget"] == "success"
    cluster.delete()
    stash.succeed(dag_id("restoresession", "etcd-tls-restore"), confirm=CONFIRM)
    assert cluster.all_keys() == before
    assert list(stash.work_dir.iterdir()) == []


@pytest.fixture(scope="module")
def customized(clusters, serve):
    """The customization guides use the objects of the one on basic auth; here the servers have TLS as well."""
    cluster = clusters("customized")
    stash = serve({"demo/etcd-appbinding": [described(cluster.members[0])]})
    objects = {
        name: read_objects(EXAMPLES / "etcd-basic-auth")[name] for name in ("appbinding", "repository")
    }
    point_appbinding(objects["appbinding"], cluster)
    point_repository(objects["repository"], stash.backend)
    objects["secret"] = secret("etcd-basic-auth", username="root", password=ETCD_PASSWORD)
    objects["storage"] = secret("gcs-secret", RESTIC_PASSWORD=PASSWORD)
    write_objects(stash.manifests, objects)
    return cluster, stash, objects


@pytest.mark.parametrize("what", ["insecure", "passing-args", "resource-limit", "specific-user"])
def test_customization(customized, what):
    cluster, stash, objects = customized
    objects = copy.deepcopy(objects)
    if what == "insecure":  # nothing tells whom to trust
        del objects["appbinding"]["spec"]["clientConfig"]["caBundle"]
    guides = read_objects(EXAMPLES / "etcd-customization")
    session = {"backup": guides[f"backup-{what}"], "restore": guides[f"restore-{what}"]}
    write_objects(stash.manifests, {**objects, **session})
    cluster.fill(50, prefix=f"/{what}/")
    before = cluster.all_keys()
    stash.succeed(dag_id("backupconfiguration", "etcd-backup"))
    cluster.delete("/")
    stash.succeed(dag_id("restoresession", "etcd-restore"), confirm=CONFIRM)
    assert cluster.all_keys() == before


def test_customization_of_retention_and_of_the_snapshot(customized):
    cluster, stash, objects = customized
    guides = read_objects(EXAMPLES / "etcd-customization")
    restore = guides["restore-specific-snapshot"]
    write_objects(stash.manifests, {**objects, "backup": guides["backup-multi-retention-policy"]})
    cluster.fill(10, prefix="/early/")
    early = cluster.all_keys()
    assert stash.succeed(dag_id("backupconfiguration", "etcd-backup"))["forget"] == "success"
    (chosen,) = sorted(list_snapshots(stash.repository), key=lambda one: one.time)[-1:]
    cluster.fill(10, prefix="/late/")
    stash.succeed(dag_id("backupconfiguration", "etcd-backup"))
    assert restore["spec"]["rules"] == [{"snapshots": ["4bc21d6f"]}]
    restore["spec"]["rules"] = [{"snapshots": [chosen.id[:8]]}]
    write_objects(stash.manifests, {"restore": restore})
    stash.succeed(dag_id("restoresession", "etcd-restore"), confirm=CONFIRM)
    assert cluster.all_keys() == early
