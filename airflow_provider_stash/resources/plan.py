"""What a BackupConfiguration, RestoreSession or batch becomes: plain values, from which the DAG is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from airflow_provider_stash.resources.connections import connection_id
from airflow_provider_stash.resources.field_places import FieldPlace, places_of
from airflow_provider_stash.resources.task_plan import TaskPlan


@dataclass(frozen=True)
class ConnectionPlan:
    """
    A connection that a DAG needs, and the object that it stands for.

    :param kind: ``AppBinding`` or ``Repository``.
    :param namespace: the object's.
    :param name: the object's.
    :param in_manifests: whether the manifests hold the object; else an Airflow connection must be there.
    :param options: further arguments of ``etcd_connection`` or ``restic_connection``.
    """

    kind: str
    namespace: str
    name: str
    in_manifests: bool = True
    options: Mapping[str, bool] = field(default_factory=dict)

    @property
    def conn_id(self) -> str:
        """The connection's id; an Airflow connection of this id goes before what the manifests say."""
        return connection_id(self.kind, self.namespace, self.name)

    @property
    def conn_type(self) -> str:
        """The connection's type."""
        return "etcd" if self.kind == "AppBinding" else "restic"


@dataclass(frozen=True)
class HookPlan:
    """
    An action around a session or one of its members.

    :param phase: ``preBackup``, ``postBackup``, ``preRestore`` or ``postRestore``.
    :param handler: Stash's handler, as in YAML.
    :param execution_policy: of a post hook, as in Stash.
    :param path: where it stands in the manifest.
    """

    phase: str
    handler: Mapping[str, Any]
    execution_policy: str = "Always"
    path: str = ""


@dataclass(frozen=True)
class RestoreSettings:
    """
    How a member is restored.

    :param snapshot: ``latest`` or an id.
    :param workload: Stash's parameters that tell of the workload: ``workloadKind``, ``workloadName``, ``dataDir``,
        ``initialCluster``, ``initialClusterToken``.
    :param bump_revision: how far revisions move on, see ``etcd_restore_dag``.
    """

    snapshot: str = "latest"
    workload: Mapping[str, str] = field(default_factory=dict)
    bump_revision: str = "auto"


@dataclass(frozen=True)
class MemberPlan:
    """
    One target of a session.

    :param name: its group's name in a batch.
    :param path: where it stands in the manifest: ``spec`` or ``spec.members[0]``.
    :param etcd: the etcd connection.
    :param target: what templates see of the target: ``apiVersion``, ``kind``, ``namespace``, ``name``.
    :param hostname: the restic host: whose data is written; in a restore, whose snapshots are read.
    :param service: ``namespace`` and ``name`` of the Service that its AppBinding names; None: none is known.
    :param wait_timeout: seconds to wait for etcd.
    :param pre: hook before; of a batch's member.
    :param post: hook after; of a batch's member.
    :param restore: of a restore, unless it is a Task of the user's own.
    :param task: a Task of the user's own; None: it is one of etcd's.
    :param runtime_settings: Stash's ``runtimeSettings``, as in YAML; for a place that makes Jobs.
    :param temp_dir: Stash's ``tempDir``, as in YAML, without its cache.
    :param interim_volume: Stash's ``interimVolumeTemplate``, as in YAML.
    """

    name: str
    path: str
    etcd: ConnectionPlan
    target: Mapping[str, str]
    hostname: str
    service: Mapping[str, str] | None = None
    wait_timeout: float = 300.0
    pre: HookPlan | None = None
    post: HookPlan | None = None
    restore: RestoreSettings | None = None
    task: TaskPlan | None = None
    runtime_settings: Mapping[str, Any] = field(default_factory=dict)
    temp_dir: Mapping[str, Any] = field(default_factory=dict)
    interim_volume: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class DagPlan:
    """
    What one object becomes.

    :param kind: ``BackupConfiguration``, ``RestoreSession``, ``BackupBatch`` or ``RestoreBatch``.
    :param namespace: the object's.
    :param name: the object's.
    :param file: its manifest's path.
    :param line: where it begins there.
    :param source: its YAML, to be shown: without paths and headers of hooks; no Secret's.
    :param repository: the restic connection.
    :param members: the targets, one unless it is a batch.
    :param document: the object as a mapping, to be shown as well.
    :param places: where fields went that go elsewhere than others of their kind, by path.
    :param schedule: cron expression, or ``@every`` with a duration; None: by hand.
    :param paused: whether the DAG is paused when it is first seen.
    :param timeout: for a run of a backup, for each task of a restore; None: no limit.
    :param retries: of each task.
    :param retry_delay: between them; None: the factory's own.
    :param retention_policy: in Stash's names; None: keep all.
    :param sequential: a batch's members one after another, not side by side.
    :param pre: hook before all members of a batch.
    :param post: hook after all members of a batch.
    """

    kind: str
    namespace: str
    name: str
    file: str
    line: int
    source: str = field(repr=False)
    repository: ConnectionPlan
    members: tuple[MemberPlan, ...]
    document: Mapping[str, Any] = field(repr=False)
    places: Mapping[str, str] = field(repr=False)
    schedule: str | None = None
    paused: bool = False
    timeout: timedelta | None = None
    retries: int = 0
    retry_delay: timedelta | None = None
    retention_policy: Mapping[str, Any] | None = None
    sequential: bool = False
    pre: HookPlan | None = None
    post: HookPlan | None = None

    @property
    def dag_id(self) -> str:
        """The DAG's id, such as ``stash.demo.backupconfiguration.etcd-backup``."""
        return dag_id(self.kind, self.namespace, self.name)

    @property
    def fields(self) -> list[FieldPlace]:
        """Every field and where it went."""
        return list(places_of(self.kind, self.document, self.places))

    @property
    def is_batch(self) -> bool:
        """Whether it has members of its own."""
        return self.kind.endswith("Batch")

    @property
    def is_backup(self) -> bool:
        """Whether it backs up; else it restores."""
        return self.kind.startswith("Backup")

    @property
    def tags(self) -> list[str]:
        """The DAG's tags: what it does, namespace, repository and targets."""
        targets = [f"target:{member.target['name']}" for member in self.members]
        does = "backup" if self.is_backup else "restore"
        return [
            "stash",
            does,
            "etcd",
            f"namespace:{self.namespace}",
            f"repository:{self.repository.name}",
            *targets,
        ]

    @property
    def connections(self) -> list[ConnectionPlan]:
        """The connections it needs, each once."""
        return list({one.conn_id: one for one in (self.repository, *(m.etcd for m in self.members))}.values())


def dag_id(kind: str, namespace: str, name: str) -> str:
    """Give the id of the DAG that an object becomes."""
    return f"stash.{namespace}.{kind.lower()}.{name}"
