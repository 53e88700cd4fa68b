"""
The series that Stash exports, with its names and labels, under both of its prefixes.

Names and labels are those of Stash's monitoring guide and of the metrics source of its restic library
(``pkg/restic/metrics.go``). The older prefix is ``stash_backup_*``, ``stash_repository_*``, ``stash_restore_*``;
the newer ``stash_appscode_com_backupsession_*``, ``..._repository_*``, ``..._restoresession_*``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

Series = tuple[str, str, Mapping[str, str], float]
"""Name without prefix, help, labels, value."""

_LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
_OWN = (
    "invoker_kind", "invoker_name", "namespace", "driver", "repository", "kind", "group", "name", "hostname",
    "backend", "bucket", "prefix", "job", "instance",
)  # fmt: skip
_RENAMED = {"session_success": "success", "session_duration_seconds": "duration_seconds"}
_PREFIXES = {
    "backup": ("stash_backup", "stash_appscode_com_backupsession"),
    "restore": ("stash_restore", "stash_appscode_com_restoresession"),
    "repository": ("stash_repository", "stash_appscode_com_repository"),
}


def check_labels(labels: Iterable[str]) -> None:
    """
    Make sure that labels of the user's own can stand beside the package's.

    :raises InvalidConfigurationError: one can't.
    """
    for label in labels:
        if not _LABEL.match(label) or label.startswith("__"):
            raise InvalidConfigurationError(
                f"Metric label {label!r}: a label is letters, digits and _, and begins with no digit and no __."
            )
        if label in _OWN:
            raise InvalidConfigurationError(
                f"Metric label {label!r} is one of the package's own; choose another."
            )


@dataclass(frozen=True)
class Identity:
    """
    Whose session it is: the labels of all series.

    :param invoker_kind: ``BackupConfiguration`` or ``RestoreSession``.
    :param invoker_name: name of that object; here the DAG's id.
    :param namespace: Kubernetes namespace, or what stands for one.
    :param repository: name of the Repository; here the restic connection's id.
    :param hostname: restic host of the snapshots.
    :param name: of the target; here the etcd connection's id.
    :param kind: of the target.
    :param group: API group of the target.
    :param backend: ``local``, ``s3``, ...; with ``bucket`` and ``prefix`` the place of the repository.
    :param labels: further labels, of the user's.
    """

    invoker_kind: str
    invoker_name: str
    repository: str
    hostname: str
    name: str
    namespace: str = "default"
    kind: str = "etcd"
    group: str = "etcd.io"
    driver: str = "Restic"
    backend: str = ""
    bucket: str = ""
    prefix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_labels(self.labels)

    @property
    def job(self) -> str:
        """The Pushgateway's job: one an invoker."""
        return f"{self.invoker_kind.lower()}-{self.namespace}-{self.invoker_name}"

    @property
    def instance(self) -> str:
        """What tells the targets and hosts of one job apart."""
        return f"{self.name}/{self.hostname}"

    @property
    def session_labels(self) -> dict[str, str]:
        """Labels of the session's series."""
        return {
            **self.labels,
            "invoker_kind": self.invoker_kind,
            "invoker_name": self.invoker_name,
            "namespace": self.namespace,
            "driver": self.driver,
            "repository": self.repository,
        }

    @property
    def target_labels(self) -> dict[str, str]:
        """Labels of the target's series."""
        return {**self.session_labels, "kind": self.kind, "group": self.group, "name": self.name}

    @property
    def host_labels(self) -> dict[str, str]:
        """Labels of the host's series."""
        return {**self.target_labels, "hostname": self.hostname}

    @property
    def repository_labels(self) -> dict[str, str]:
        """Labels of the repository's series: ``name`` is the Repository's own."""
        place = {"backend": self.backend, "bucket": self.bucket, "prefix": self.prefix}
        return {**self.session_labels, "name": self.repository, **place}


def backup_registry(
    identity: Identity,
    *,
    success: bool,
    duration: float,
    now: float,
    host: Mapping[str, Any] | None = None,
    repository: Mapping[str, Any] | None = None,
) -> CollectorRegistry:
    """
    Make the series of a backup session.

    :param success: of the whole session.
    :param duration: of it, in seconds.
    :param now: seconds since the epoch.
    :param host: what ``steps.backup.back_up`` returned, or a ``StashTaskBackupOperator``; None: the backup failed.
    :param repository: what ``steps.status.status_of`` returned, if it did.
    """
    series = [*_session(identity, "backup", success, duration, now), *_backup_host(identity, host)]
    if repository is not None:
        series += [("repository", *one) for one in _repository(identity, repository)]
    return _registry(series)


def restore_registry(
    identity: Identity, *, success: bool, duration: float, now: float, restored: bool | None = None
) -> CollectorRegistry:
    """
    Make the series of a restore session.

    :param success: of the whole session.
    :param duration: of it, in seconds.
    :param now: seconds since the epoch.
    :param restored: whether the data was restored, whatever came after; None: as ``success``.
    """
    good = success if restored is None else restored
    host = identity.host_labels
    return _registry(
        [
            *_session(identity, "restore", success, duration, now),
            ("restore", "host_restore_success", "Whether the restore of a host succeeded", host, float(good)),
            ("restore", "host_restore_duration_seconds", "Time the restore of a host took", host, duration),
        ]
    )


_Full = tuple[str, str, str, Mapping[str, str], float]


def _session(identity: Identity, kind: str, success: bool, duration: float, now: float) -> Iterator[_Full]:
    session, target = identity.session_labels, identity.target_labels
    yield kind, "session_success", f"Whether the whole {kind} session succeeded", session, float(success)
    yield kind, "session_duration_seconds", f"Time the whole {kind} session took", session, duration
    yield kind, "target_count_total", f"Targets of the {kind} session", session, 1.0
    yield kind, "target_success", f"Whether the {kind} of a target succeeded", target, float(success)
    yield kind, "target_host_count_total", f"Hosts of the target of the {kind}", target, 1.0
    if success:
        yield kind, "last_success_time_seconds", f"When the last {kind} session succeeded", session, now
        yield (
            kind,
            "target_last_success_time_seconds",
            f"When the last {kind} of a target succeeded",
            target,
            now,
        )


def _backup_host(identity: Identity, host: Mapping[str, Any] | None) -> Iterator[_Full]:
    labels = identity.host_labels
    yield (
        "backup",
        "host_backup_success",
        "Whether the backup of a host succeeded",
        labels,
        float(host is not None),
    )
    if host is None:
        return
    if "fileStats" not in host:  # a Task of the user's own tells how long it took
        yield (
            "backup",
            "host_backup_duration_seconds",
            "Time the backup of a host took",
            labels,
            host["duration"],
        )
        return
    files = host["fileStats"]
    for name, text, value in (
        ("host_backup_duration_seconds", "Time the backup of a host took", host["duration"]),
        ("host_data_size_bytes", "Size of the data of a host", host["totalSize"]),
        ("host_data_uploaded_bytes", "Data of a host that was new in the repository", host["uploaded"]),
        (
            "host_data_processing_time_seconds",
            "Time restic took for the data of a host",
            host["processingTime"],
        ),
        ("host_files_total", "Files of a host", files["totalFiles"]),
        ("host_files_new", "Files of a host that are new since the backup before", files["newFiles"]),
        (
            "host_files_modified",
            "Files of a host that changed since the backup before",
            files["modifiedFiles"],
        ),
        ("host_files_unmodified", "Files of a host that did not change", files["unmodifiedFiles"]),
    ):
        yield "backup", name, text, labels, float(value)


def _repository(identity: Identity, status: Mapping[str, Any]) -> Iterator[Series]:
    labels = identity.repository_labels
    if status["integrity"] is not None:
        yield "integrity", "Result of the repository's last check", labels, float(status["integrity"])
    yield "size_bytes", "Size of the repository", labels, float(status["totalSize"])
    yield "snapshot_count", "Snapshots in the repository", labels, float(status["snapshotCount"])
    removed = float(status["snapshotsRemovedOnLastCleanup"])
    yield (
        "snapshot_cleaned",
        "Snapshots that the retention policy removed in the last session",
        labels,
        removed,
    )


def _registry(series: list[_Full]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry, Gauge

    registry = CollectorRegistry()
    for kind, name, text, labels, value in series:
        old, new = _PREFIXES[kind]
        for full in (f"{old}_{name}", f"{new}_{_RENAMED.get(name, name)}"):
            Gauge(full, text, list(labels), registry=registry).labels(**labels).set(value)
    return registry
