"""Workloads from Stash's parameters, as its RestoreSessions name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.workloads.kubernetes_workload import KubernetesWorkload
from airflow_provider_stash.workloads.pod import PodWorkload
from airflow_provider_stash.workloads.statefulset import StatefulSetWorkload

_KINDS: Mapping[str, type[KubernetesWorkload]] = {"StatefulSet": StatefulSetWorkload, "Pod": PodWorkload}
_NAMES = {
    "dataDir": "data_dir",
    "initialCluster": "initial_cluster",
    "initialClusterToken": "initial_cluster_token",
}
_REQUIRED = ("workloadKind", "workloadName")


def workload_from_params(params: Mapping[str, str], **given: Any) -> KubernetesWorkload:
    """
    Make a workload of Stash's parameters.

    :param params: ``workloadKind`` (StatefulSet or Pod), ``workloadName``, and where they are not to be read from the
        cluster ``dataDir``, ``initialCluster``, ``initialClusterToken``.
    :param given: further parameters of the workload: ``namespace``, ``job``.
    :raises InvalidConfigurationError: one is missing or not known.
    """
    for name in _REQUIRED:
        if not params.get(name):
            raise InvalidConfigurationError(f"The restore's params have no {name}.")
    unknown = sorted(set(params) - set(_NAMES) - set(_REQUIRED))
    if unknown:
        raise InvalidConfigurationError(
            f"The restore's params have {', '.join(unknown)}; known are {', '.join([*_REQUIRED, *_NAMES])}."
        )
    kind = _KINDS.get(params["workloadKind"])
    if kind is None:
        raise InvalidConfigurationError(
            f"workloadKind is {params['workloadKind']!r}: give one of {', '.join(_KINDS)}."
        )
    found: dict[str, Any] = {
        _NAMES[name]: value for name, value in params.items() if name in _NAMES and value
    }
    return kind(name=params["workloadName"], **found, **given)
