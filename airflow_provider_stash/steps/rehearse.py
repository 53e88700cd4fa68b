"""Rehearses a restore on a throw-away etcd, before anything is stopped."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig
from airflow_provider_stash.etcd.datadir import NewMember, build_data_dirs
from airflow_provider_stash.etcd.throwaway import NAME, PEER_URL, ThrowawayEtcd, find_server
from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import (
    EtcdAuthenticationError,
    EtcdPermissionError,
    NoSpaceError,
    SnapshotCorruptError,
)

log = logging.getLogger(__name__)


def rehearse(plan: dict[str, Any], tool: EtcdTool, etcd: EtcdConfig, etcd_tools: str | None) -> None:
    """
    Build a data directory beside the downloaded file, start an etcd on it, and compare what it answers
    with what the backup recorded. Fills in the plan's ``keyCount`` and ``rehearsal``.

    :param plan: of ``fetch_snapshot``; its ``warnings`` gain what a person should know.
    :param etcd: whose user and password are tried on the restored data.
    :param etcd_tools: where to look for the ``etcd`` program first; without one there is no rehearsal.
    :raises SnapshotCorruptError: the data is not what was recorded.
    :raises EtcdToolError: etcd does not open the data.
    """
    server = find_server(etcd_tools) or find_server()
    if server is None:
        plan["rehearsal"] = None
        plan["warnings"].append(
            "The snapshot was not tried in a throw-away etcd: there is no etcd program on this host's PATH."
        )
        return
    directory = Path(plan["file"]).parent
    free = shutil.disk_usage(directory).free
    if free < plan["totalSize"]:
        raise NoSpaceError(
            f"{directory} has {free} bytes free; the rehearsal needs {plan['totalSize']}. Name a larger "
            "work_dir, or turn the rehearsal off. Nothing was stopped or changed."
        )
    data_dir = directory / "rehearsal"
    try:
        build_data_dirs(
            tool,
            Path(plan["file"]),
            [NewMember(NAME, data_dir)],
            initial_cluster={NAME: [PEER_URL]},
            token=NAME,
        )
        with ThrowawayEtcd(server, data_dir, user=etcd.user, password=etcd.password) as client:
            _compare(plan, client)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


def _compare(plan: dict[str, Any], client: EtcdClient) -> None:
    endpoint = client.config.endpoints[0]
    status = client.status_of(endpoint)
    plan["rehearsal"] = {"version": status.version, "revision": status.revision}
    try:
        count = client.count_keys(plan["revision"])
        hashed = client.hash_kv(endpoint, plan["revision"]) if plan["hash"] is not None else None
    except (EtcdAuthenticationError, EtcdPermissionError) as error:
        plan["warnings"].append(
            "The restored data has other users than the etcd connection knows: its keys can't be counted, "
            f"and what uses the cluster must log in as it did at the time of the snapshot. ({error})"
        )
        return
    for what, recorded, found in (
        ("keys", plan["keyCount"], count.keys),
        ("a key hash of", plan["hash"], hashed.hash if hashed else None),
    ):
        if recorded is not None and recorded != found:
            raise SnapshotCorruptError(
                f"Snapshot {plan['snapshot'][:8]} was recorded to hold {what} {recorded} at revision "
                f"{plan['revision']}, but holds {found}. Choose another. Nothing was stopped or changed."
            )
    plan["keyCount"] = count.keys
    log.info(
        "Rehearsal: etcd %s opens the data, %d keys at revision %d",
        status.version,
        count.keys,
        plan["revision"],
    )
