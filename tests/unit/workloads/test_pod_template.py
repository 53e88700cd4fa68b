import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.workloads.pod_template import parse_initial_cluster, read_pod

PEERS = "etcd-0=http://etcd-0.etcd:2380,etcd-1=http://etcd-1.etcd:2380"
DATA = {"name": "data", "mountPath": "/var/run/etcd"}


def spec(*command, env=(), mounts=(DATA,), **others):
    container = {
        "name": "etcd",
        "command": list(command),
        "env": list(env),
        "volumeMounts": list(mounts),
        **others,
    }
    return {"containers": [container]}


def read(given, **keywords):
    return read_pod(given, where="StatefulSet demo/etcd", **keywords)


def test_flags_in_a_shells_script_as_in_the_guides():
    script = (
        'PEERS="etcd-0=http://etcd-0.etcd:2380,etcd-1=http://etcd-1.etcd:2380"\n'
        "exec etcd --name ${HOSTNAME} \\\n --initial-cluster ${PEERS} \\\n --initial-cluster-token t \\\n"
        ' --data-dir "/var/run/etcd/"'
    )
    etcd = read(spec("/bin/sh", "-c", script))
    assert etcd.data_dir == "/var/run/etcd"
    assert etcd.peer_urls == {"etcd-0": ["http://etcd-0.etcd:2380"], "etcd-1": ["http://etcd-1.etcd:2380"]}
    assert etcd.token is None  # one of its own for each restore
    assert etcd.mount == DATA


@pytest.mark.parametrize(
    "given",
    [
        spec("etcd", "--data-dir=/var/run/etcd", f"--initial-cluster={PEERS}"),
        spec("etcd", "--data-dir", "/var/run/etcd", "--initial-cluster", PEERS),
        spec("etcd", "--data-dir=$(DIR)", "--initial-cluster=$(PEERS)",
             env=[{"name": "DIR", "value": "/var/run/etcd"}, {"name": "PEERS", "value": PEERS}]),
        spec("etcd", env=[{"name": "ETCD_DATA_DIR", "value": "/var/run/etcd"},
                          {"name": "ETCD_INITIAL_CLUSTER", "value": PEERS}]),
    ],
)  # fmt: skip
def test_flags_and_variables(given):
    etcd = read(given)
    assert (etcd.data_dir, list(etcd.peer_urls)) == ("/var/run/etcd", ["etcd-0", "etcd-1"])


def test_what_is_given_comes_first():
    given = spec("etcd", "--data-dir=/else", "--initial-cluster=$(ONLY_THE_POD_KNOWS)")
    etcd = read(given, data_dir="/var/run/etcd", initial_cluster=PEERS, initial_cluster_token="t")
    assert (etcd.data_dir, len(etcd.peer_urls), etcd.token) == ("/var/run/etcd", 2, "t")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (spec("etcd", "--data-dir=/var/run/etcd", "--initial-cluster=$(POD)"), "initial_cluster can't be read.*give it"),
        (spec("etcd", f"--initial-cluster={PEERS}"), "data_dir can't be read"),
        (spec("etcd", "--data-dir=/elsewhere", f"--initial-cluster={PEERS}"), "lies on no volume"),
        (spec("etcd", "--data-dir=/var/run/etcd", f"--initial-cluster={PEERS}", "--wal-dir=/w"), "--wal-dir"),
        (spec("etcd", "--data-dir=/var/run/etcd", f"--initial-cluster={PEERS}",
              mounts=[{**DATA, "subPathExpr": "$(POD)"}]), "subPathExpr"),
        ({"containers": [{"name": "a"}, {"name": "b"}]}, "which container is etcd's.*a, b"),
    ],
)  # fmt: skip
def test_what_can_not_be_told(given, words):
    with pytest.raises(InvalidConfigurationError, match=f"StatefulSet demo/etcd.*{words}"):
        read(given)


def test_the_nearest_mount_holds_the_data():
    above = {"name": "run", "mountPath": "/var/run"}
    beside = {"name": "other", "mountPath": "/var/run/etcd-certs"}
    given = spec(
        "etcd", "--data-dir=/var/run/etcd/data", f"--initial-cluster={PEERS}", mounts=[above, beside, DATA]
    )
    assert read(given).mount == DATA


def test_probes_that_wait_for_peers():
    flags = ("etcd", "--data-dir=/var/run/etcd", f"--initial-cluster={PEERS}")
    assert read(spec(*flags)).waits_for_peers is None
    assert read(spec(*flags, readinessProbe={"tcpSocket": {"port": 2379}})).waits_for_peers is None
    assert read(spec(*flags, startupProbe={"httpGet": {"port": 2379}})).waits_for_peers == "startupProbe"


def test_initial_clusters():
    assert parse_initial_cluster("a=http://a:1, a=http://b:1,c=https://c:1") == {
        "a": ["http://a:1", "http://b:1"],
        "c": ["https://c:1"],
    }
    with pytest.raises(InvalidConfigurationError, match="'a': give name=URL"):
        parse_initial_cluster("a")
