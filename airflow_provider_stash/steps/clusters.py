"""Tells the snapshots of several etcd clusters apart that were given one restic host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_provider_stash.restic.snapshots import Snapshot

_TAG = "etcd-cluster-id="
_LOOKED_AT = 10
"""The newest snapshots: what was mixed long ago must not be told for ever."""


def clusters_in_turn(snapshots: Iterable[Snapshot]) -> dict[str, Snapshot]:
    """
    Look whether several clusters are backed up in turn, of late.

    A restore gives a cluster a new id, and going back by hand the one it had: once. An id that comes back again and
    again is another cluster's.

    :param snapshots: of one restic host.
    :return: the newest snapshot of each, by cluster id; empty: they are one cluster's.
    """
    told = [
        (tag.removeprefix(_TAG), one)
        for one in sorted(snapshots, key=lambda one: one.time)
        for tag in one.tags
        if tag.startswith(_TAG)
    ]
    newest: dict[str, Snapshot] = {}
    last, returns = "", 0
    for cluster, one in told[-_LOOKED_AT:]:
        returns += cluster != last and cluster in newest
        newest[cluster], last = one, cluster
    return newest if returns > 1 else {}


def hosts_of_several_clusters(snapshots: Iterable[Snapshot]) -> dict[str, Mapping[str, Snapshot]]:
    """Give what ``clusters_in_turn`` gives, by restic host, for those hosts that have several."""
    by_host: dict[str, list[Snapshot]] = {}
    for one in snapshots:
        by_host.setdefault(one.host, []).append(one)
    return {host: found for host, some in by_host.items() if (found := clusters_in_turn(some))}
