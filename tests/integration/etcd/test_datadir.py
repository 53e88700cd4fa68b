"""Data directories built from snapshots by the tools of every version, and etcd servers on them."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.etcd.datadir import NewMember, build_data_dirs, in_use
from airflow_provider_stash.etcd.snapshot import copy_snapshot
from airflow_provider_stash.etcd.snapshot_file import SnapshotRevisions, read_revisions
from airflow_provider_stash.etcd.throwaway import NAME, PEER_URL, ThrowawayEtcd, find_server
from airflow_provider_stash.etcd.tools import EtcdTool, find_tool
from testbed.binaries import etcd_dirs
from testbed.etcd_access import PASSWORD
from testbed.etcd_cluster import EtcdCluster
from testbed.process import command_lines
from tests.integration.conftest import check_sha256

KEYS = 700


def take(cluster, path):
    with cluster.client() as client, path.open("wb") as file:
        copy_snapshot(client.snapshot(client.config.endpoints[0]), file.fileno())
    return path


@pytest.fixture(scope="module")
def snapshot(binaries, tmp_path_factory):
    """A snapshot of each version, with authentication on."""
    directory = tmp_path_factory.mktemp("snapshot")
    with EtcdCluster(directory, size=1, tls=False, binaries=binaries) as cluster:
        cluster.fill(KEYS)
        return take(cluster, directory / "s.db")


@pytest.fixture(scope="module")
def open_snapshot(binaries, tmp_path_factory):
    """A snapshot of each version, from before authentication."""
    directory = tmp_path_factory.mktemp("open")
    with EtcdCluster(directory, size=1, tls=False, password=None, binaries=binaries) as cluster:
        cluster.fill(KEYS)
        return take(cluster, directory / "s.db")


@pytest.fixture(params=["etcdutl", "etcdctl"])
def tool(request, binaries):
    """Each version's tools that restore."""
    if not (Path(binaries) / request.param).exists():
        assert find_tool(binaries).version[:2] == (3, 4)  # which had no etcdutl
        return find_tool(binaries)
    return find_tool(str(Path(binaries) / request.param))


def build(tool, snapshot, data_dir, **options):
    build_data_dirs(
        tool, snapshot, [NewMember(NAME, data_dir)], initial_cluster={NAME: [PEER_URL]}, token=NAME, **options
    )


@contextmanager
def running(binaries, snapshot, data_dir, *, user="root", password=PASSWORD, **options):
    build(find_tool(binaries), snapshot, data_dir, **options)
    with ThrowawayEtcd(find_server(binaries), data_dir, user=user, password=password, timeout=20) as client:
        yield client


def test_three_members_side_by_side(tool, snapshot, binaries, tmp_path):
    with EtcdCluster(tmp_path, tls=False, password=None, binaries=binaries) as cluster:
        cluster.kill()
        members = [NewMember(one.name, tmp_path / "new" / one.name) for one in cluster.members]
        build_data_dirs(
            tool,
            snapshot,
            members,
            initial_cluster={one.name: [one.peer_url] for one in cluster.members},
            token="after-the-restore",
        )
        for member, new in zip(cluster.members, members, strict=True):
            member.data_dir.rename(member.data_dir.with_suffix(".old"))
            new.data_dir.rename(member.data_dir)
        cluster.password = PASSWORD  # the snapshot brings it
        cluster.start()
        with cluster.client() as client:
            count = client.count_keys()
            assert count.keys == KEYS
            hashes = {client.hash_kv(one, count.revision).hash for one in client.config.endpoints}
            assert len(hashes) == 1
            assert len({one.cluster_id for one in client.status()}) == 1
        assert all(in_use(member.data_dir) for member in cluster.members)
        cluster.kill()
        assert not any(in_use(member.data_dir) for member in cluster.members)


def test_a_corrupt_snapshot_is_refused_though_one_build_alone_compares(tool, snapshot, tmp_path):
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 1
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(data)
    members = [NewMember(name, tmp_path / name) for name in ("m0", "m1", "m2")]
    cluster = {one.name: [f"http://127.0.0.1:{at}"] for at, one in enumerate(members, 1)}
    with pytest.raises(e.EtcdToolError, match="sha256"):
        build_data_dirs(tool, corrupt, members, initial_cluster=cluster, token="t")


def told_by(tool, snapshot):
    return json.loads(tool.run(["snapshot", "status", str(snapshot), "--write-out", "json"]))["revision"]


def test_the_revision_of_a_snapshot(tool, snapshot, open_snapshot):
    for one in (snapshot, open_snapshot):
        assert read_revisions(one).last == told_by(tool, one) > 1


def test_the_revision_of_a_new_etcd_and_of_one_whose_end_was_compacted_away(binaries, tmp_path):
    with EtcdCluster(tmp_path / "e", size=1, tls=False, password=None, binaries=binaries) as cluster:
        new = take(cluster, tmp_path / "new.db")
        cluster.fill(5000, size=100)  # more than a page of the tree's upper levels holds
        full = take(cluster, tmp_path / "full.db")
        cluster.delete()
        with cluster.client() as client:
            revision = client.count_keys().revision
        cluster.ctl("compact", str(revision), "--physical")
        empty = take(cluster, tmp_path / "empty.db")
    assert read_revisions(new) == SnapshotRevisions(0, 0)
    assert read_revisions(full).revision == told_by(find_tool(binaries), full)
    assert read_revisions(empty).compacted == revision
    build(find_tool(binaries), empty, tmp_path / "d")
    with ThrowawayEtcd(find_server(binaries), tmp_path / "d", timeout=20) as client:
        assert client.status()[0].revision == read_revisions(empty).revision == revision


def test_a_throw_away_etcd_tells_what_is_in_it(binaries, snapshot, tmp_path):
    with running(binaries, snapshot, tmp_path / "d") as client:
        assert client.count_keys().keys == KEYS
        assert client.status()[0].name == NAME
        assert in_use(tmp_path / "d")
    assert not in_use(tmp_path / "d")
    assert "PASSWORD" not in (tmp_path / "d.log").read_text()


def test_a_snapshot_from_before_authentication(binaries, open_snapshot, tmp_path):
    with running(binaries, open_snapshot, tmp_path / "a") as client:
        assert client.count_keys().keys == KEYS
    with running(binaries, open_snapshot, tmp_path / "b", user=None, password=None) as client:
        assert client.count_keys().keys == KEYS


@pytest.mark.parametrize(("user", "password"), [("root", "hunter2"), ("nobody", "hunter2"), (None, None)])
def test_a_snapshot_with_another_password_comes_up_and_says_so(binaries, snapshot, tmp_path, user, password):
    with running(binaries, snapshot, tmp_path / "d", user=user, password=password) as client:
        with pytest.raises(e.EtcdAuthenticationError) as error:
            client.count_keys()
        assert "hunter2" not in str(error.value)


def test_a_bump_of_the_revision_where_it_is_known(binaries, snapshot, tmp_path):
    tool = find_tool(binaries)
    before = read_revisions(snapshot).revision
    if not tool.knows_bump_revision:
        with pytest.raises(e.EtcdToolError, match="does not know --bump-revision.*Install a later one"):
            build(tool, snapshot, tmp_path / "d", bump_revision=1000)
        assert not (tmp_path / "d").exists()
        return
    with running(binaries, snapshot, tmp_path / "d", bump_revision=1000) as client:
        assert client.count_keys().keys == KEYS
        assert client.status()[0].revision == before + 1000
        with pytest.raises(
            e.EtcdError, match="compacted"
        ):  # so that no watcher takes the past for the present
            client.count_keys(before)


def test_at_least_one_tool_knows_the_bump_and_one_does_not():
    known = {find_tool(one).knows_bump_revision for one in etcd_dirs()}
    assert known == {True, False}, "the tests need etcd of both kinds: see STASH_TEST_ETCDS"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"rubbish" * 1000,
        lambda data: data[: len(data) // 2],
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
        lambda data: data[:-32],
    ],
    ids=["empty", "rubbish", "half", "flipped", "without sha256"],
)
def test_what_is_no_whole_snapshot_is_refused_in_one_line(tool, snapshot, tmp_path, spoil):
    bad = tmp_path / "bad.db"
    bad.write_bytes(spoil(snapshot.read_bytes()))
    with pytest.raises(e.SnapshotCorruptError):
        check_sha256(bad)
    with pytest.raises(e.EtcdToolError) as error:
        build(tool, bad, tmp_path / "d")
    assert "snapshot restore failed: " in str(error.value)
    assert len(str(error.value)) < 600
    assert "goroutine" not in str(error.value)
    assert '"level"' not in str(error.value)


def test_a_data_directory_that_exists_is_not_touched(tool, snapshot, tmp_path):
    there = tmp_path / "d" / "precious"
    there.parent.mkdir()
    there.write_text("x")
    with pytest.raises(e.EtcdToolError, match="exists|not empty"):
        build(tool, snapshot, there.parent)
    assert there.read_text() == "x"
    assert [one.name for one in there.parent.iterdir()] == ["precious"]


def test_a_tool_that_is_older_than_the_snapshot_is_refused(snapshot, binaries):
    version = find_tool(binaries).version_text
    older = EtcdTool("/opt/etcdctl", (3, find_tool(binaries).version[1] - 1, 99))
    with pytest.raises(e.EtcdToolError, match=f"the snapshot is from etcd {version}.*nothing was stopped"):
        older.require_for(version)
    find_tool(binaries).require_for(version)


def test_data_that_etcd_does_not_open(binaries, snapshot, tmp_path):
    build(find_tool(binaries), snapshot, tmp_path / "d")
    (tmp_path / "d" / "member" / "snap" / "db").write_bytes(b"x" * 100_000)
    with pytest.raises(e.EtcdToolError, match="did not come up.*(failed to|cannot) open database") as error:
        ThrowawayEtcd(find_server(binaries), tmp_path / "d", timeout=10).__enter__()
    assert "goroutine" not in str(error.value)


def test_no_other_user_can_reach_it(binaries, open_snapshot, tmp_path):
    listening = 10  # of /proc/net/tcp's st: TCP_LISTEN
    with running(binaries, open_snapshot, tmp_path / "d") as client:
        socket = Path(client.config.endpoints[0].host)
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert client.count_keys().keys == KEYS
        process = next(
            Path("/proc", str(pid))
            for pid, words in command_lines()
            if str(tmp_path / "d") in " ".join(words)
        )
        sockets = {
            link.readlink().name for link in (process / "fd").iterdir() if "socket:" in str(link.readlink())
        }
        for table in ("tcp", "tcp6"):
            rows = [line.split() for line in (process / "net" / table).read_text().splitlines()[1:]]
            assert not [
                row for row in rows if int(row[3], 16) == listening and f"socket:[{row[9]}]" in sockets
            ]
    assert not socket.parent.exists()


def test_a_server_that_can_not_be_run(tmp_path):
    with pytest.raises(e.EtcdToolError, match="/no/such/etcd could not be run: No such file"):
        ThrowawayEtcd("/no/such/etcd", tmp_path / "d").__enter__()
    with pytest.raises(e.EtcdToolError, match="did not come up.*Its last words: none"):
        ThrowawayEtcd("false", tmp_path / "d").__enter__()


def test_the_surroundings_flags_do_not_reach_the_server(binaries, snapshot, tmp_path, monkeypatch):
    monkeypatch.setenv("ETCD_DATA_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("ETCD_CLIENT_CERT_AUTH", "true")
    with running(binaries, snapshot, tmp_path / "d") as client:
        assert isinstance(client.config, EtcdConfig)
        assert client.count_keys().keys == KEYS
    assert not (tmp_path / "other").exists()
