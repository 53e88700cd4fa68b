from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_stash.restic.snapshots import Snapshot
from airflow_provider_stash.steps.clusters import clusters_in_turn, hosts_of_several_clusters


def taken(clusters, host="host-0"):
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        Snapshot(
            id=f"{number}{cluster}",
            time=begin + timedelta(hours=number),
            host=host,
            paths=(),
            tags=() if cluster == "-" else (f"etcd-cluster-id={cluster}",),
            size=None,
        )
        for number, cluster in enumerate(clusters)
    ]


@pytest.mark.parametrize(
    "clusters", ["", "aaaa", "--aa", "aab", "aabbcc", "aabba", "a-a-b-b", "abababaaaaaaaaaa"],
    ids=["none", "one", "of Stash", "restored", "twice", "restored, and gone back by hand", "of both", "mended"],
)  # fmt: skip
def test_one_cluster_and_what_restores_made_of_it(clusters):
    assert clusters_in_turn(taken(clusters)) == {}


@pytest.mark.parametrize("clusters", ["abab", "aabbaab", "a-b-ab", "abcabc"])
def test_several_clusters_in_turn(clusters):
    found = clusters_in_turn(reversed(taken(clusters)))
    assert set(found) == set(clusters) - {"-"}
    assert {one.id for one in found.values()} == {f"{clusters.rindex(c)}{c}" for c in found}


def test_each_host_by_itself():
    apart = [*taken("aaa", "one"), *taken("bbb", "other")]
    assert hosts_of_several_clusters(apart) == {}
    assert set(hosts_of_several_clusters([*apart, *taken("abab", "mixed")])) == {"mixed"}
