"""What a backup reads and writes, and a restore, as OpenLineage's datasets; only where that provider is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_stash.restic.repository import Repository

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

_BUCKETS = {"s3": "s3", "gcs": "gs"}
"""Backends that OpenLineage's naming has a scheme for; https://openlineage.io/docs/spec/naming."""


def backup_lineage(result: Mapping[str, Any], *, etcd: str, location: str) -> OperatorLineage[Any, Any]:
    """
    Tell of a backup: from the cluster into the repository.

    :param result: what ``steps.backup.back_up`` returned, or ``steps.session.back_up_session``.
    :param etcd: the cluster's first endpoint, a URL.
    :param location: of the repository, without user information.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    result = result.get("backup", result)
    written = {"rows": result["keyCount"], "size": result["totalSize"]}
    return OperatorLineage(
        inputs=[_cluster(etcd, result["revision"])],
        outputs=[_repository(location, result["snapshot"], **written)],
    )


def restore_lineage(plan: Mapping[str, Any], *, etcd: str) -> OperatorLineage[Any, Any]:
    """
    Tell of a restore: from the repository into the cluster.

    :param plan: what ``steps.fetch.fetch_snapshot`` returned.
    :param etcd: the cluster's first endpoint, a URL.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[_repository(plan["repository"], plan["snapshot"])],
        outputs=[_cluster(etcd, plan["expectedRevision"], rows=plan["keyCount"], size=plan["totalSize"])],
    )


def _cluster(endpoint: str, revision: int, **written: int | None) -> Any:
    return _dataset(f"etcd://{urlsplit(endpoint).netloc}", "/", str(revision), **written)


def _repository(location: str, snapshot: str, **written: int | None) -> Any:
    repository = Repository(location, "")
    if repository.backend == "local":
        return _dataset("file", repository.bucket, snapshot, **written)
    if repository.backend in _BUCKETS:
        namespace = f"{_BUCKETS[repository.backend]}://{repository.bucket}"
        return _dataset(namespace, repository.prefix or "/", snapshot, **written)
    return _dataset("restic", location, snapshot, **written)


def _dataset(
    namespace: str, name: str, version: str, *, rows: int | None = None, size: int | None = None
) -> Any:
    """Make a dataset; with a size it was written."""
    from openlineage.client.event_v2 import Dataset, OutputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset, output_statistics_output_dataset

    facets: Any = {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=version)}
    if size is None:
        return Dataset(namespace=namespace, name=name, facets=facets)
    statistics: Any = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows, size=size
    )
    return OutputDataset(
        namespace=namespace, name=name, facets=facets, outputFacets={"outputStatistics": statistics}
    )
