"""Which DAGs back up and restore which cluster, read from the DAGs as Airflow has serialized them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

_PACKAGE = "airflow_provider_stash."
_OUTCOME = "outcome"
_VERIFY = "verify_deeply"
_ONE_TASK = "EtcdBackupSessionOperator"
BACKS_UP = frozenset({"EtcdBackupOperator", _ONE_TASK, "StashTaskBackupOperator"})
"""The operators that take a snapshot."""
_CHUNK = 200
_TIMELESS = ("Null", "Once", "Continuous", "Asset", "PartitionedAsset")
"""How the names of the timetables begin that name no times."""


def group_of(task_id: str) -> str:
    """Give the ids of a task's groups, with a dot at the end; empty outside any."""
    return task_id[: task_id.rfind(".") + 1]


@dataclass(frozen=True, slots=True)
class Step:
    """
    A task of this package in a DAG.

    :param task_id: its id, with those of its groups.
    :param kind: its operator's class name.
    :param fields: its template fields.
    """

    task_id: str
    kind: str
    fields: Mapping[str, Any]

    @property
    def group(self) -> str:
        """Give the prefix of the ids in its group."""
        return group_of(self.task_id)

    def text(self, name: str) -> str | None:
        """Give a field that is known before a run; a template or a parameter is not."""
        value = self.fields.get(name)
        return value if isinstance(value, str) and "{{" not in value else None


@dataclass(frozen=True, slots=True)
class Backup:
    """
    A backup of one cluster to one repository: a row of the overview.

    :param dag_id: the DAG.
    :param task_id: the task that takes the snapshot, of a kind in ``BACKS_UP``.
    :param etcd_conn_id: the cluster.
    :param restic_conn_id: the repository.
    :param hostname: the restic host.
    :param retention_policy: in Stash's names; None: all are kept.
    :param steps: the tasks of this package beside it, by kind.
    :param has_outcome: whether a task ``outcome`` beside it tells the outcome of the data tasks.
    :param verifies: whether a run can be told, by the param ``verify_deeply``, to verify all data.
    """

    dag_id: str
    task_id: str
    etcd_conn_id: str
    restic_conn_id: str
    hostname: str | None
    retention_policy: Mapping[str, Any] | None
    steps: Mapping[str, Step]
    has_outcome: bool
    verifies: bool = False

    @property
    def whole_dag(self) -> bool:
        """Tell whether it is all that its DAG does, as ``etcd_backup_dag`` makes one: no group, and its own outcome."""
        return self.has_outcome and not group_of(self.task_id)

    @property
    def outcome_task_id(self) -> str | None:
        """Give the id of the task beside it that tells the outcome of the data tasks."""
        return f"{group_of(self.task_id)}{_OUTCOME}" if self.has_outcome else None

    @property
    def one_task(self) -> bool:
        """Tell whether the task that takes the snapshot does the whole session."""
        return self.task_of(_ONE_TASK) == self.task_id

    def task_of(self, kind: str) -> str | None:
        """Give the id of the task of a kind beside it."""
        return self.steps[kind].task_id if kind in self.steps else None


@dataclass(frozen=True, slots=True)
class Restore:
    """
    A restore of one cluster from one repository.

    :param dag_id: the DAG.
    :param etcd_conn_id: the cluster.
    :param restic_conn_id: the repository.
    :param verify_task_id: the task that ends a restore.
    """

    dag_id: str
    etcd_conn_id: str
    restic_conn_id: str
    verify_task_id: str | None

    @property
    def whole_dag(self) -> bool:
        """Tell whether it is all that its DAG does, so that the DAG's form is its own."""
        return not group_of(self.verify_task_id or "")


@dataclass(frozen=True, slots=True)
class Card:
    """What a DAG has of this package."""

    backups: tuple[Backup, ...] = ()
    restores: tuple[Restore, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Class name by task id, of the tasks of this package."""
    scheduled: bool = False
    """Whether its schedule is one of times, which says when a run must come."""


def read_card(dag_id: str, data: Mapping[str, Any]) -> Card:
    """
    Read a DAG as Airflow has serialized it.

    :param data: the serialized DAG, as in Airflow's database.
    """
    dag = data.get("dag") or {}
    tasks = [task.get("__var", task) for task in dag.get("tasks") or ()]
    steps = [_step(task) for task in tasks if str(task.get("_task_module", "")).startswith(_PACKAGE)]
    ids = {task["task_id"] for task in tasks}
    params = {name for name, _ in dag.get("params") or ()}
    backups = [one for one in (_backup(dag_id, step, steps, ids, params) for step in steps) if one]
    restores = [one for one in (_restore(dag_id, step, steps) for step in steps) if one]
    timetable = str((dag.get("timetable") or {}).get("__type", "")).rpartition(".")[2]
    return Card(
        tuple(backups),
        tuple(restores),
        {step.task_id: step.kind for step in steps},
        bool(timetable) and not timetable.startswith(_TIMELESS),
    )


def _step(task: Mapping[str, Any]) -> Step:
    fields = {name: task.get(name) for name in task.get("template_fields") or ()}
    return Step(task["task_id"], task.get("task_type", ""), fields)


def _backup(dag_id: str, step: Step, steps: Iterable[Step], ids: set[str], params: set[str]) -> Backup | None:
    etcd, restic = step.text("etcd_conn_id"), step.text("restic_conn_id")
    if step.kind not in BACKS_UP or not etcd or not restic:
        return None
    beside = {one.kind: one for one in steps if one.group == step.group}
    forget = step if step.kind == _ONE_TASK else beside.get("ResticForgetOperator")
    check = step if step.kind == _ONE_TASK else beside.get("ResticCheckOperator")
    policy = forget.fields.get("retention_policy") if forget else None
    read_data = check.fields.get("read_data") if check else None
    return Backup(
        dag_id,
        step.task_id,
        etcd,
        restic,
        step.text("hostname"),
        policy if isinstance(policy, Mapping) else None,
        beside,
        f"{step.group}{_OUTCOME}" in ids,
        _VERIFY in params and _VERIFY in str(read_data),  # a template, or how Airflow serializes dag.param()
    )


def _restore(dag_id: str, step: Step, steps: Iterable[Step]) -> Restore | None:
    etcd, restic = step.text("etcd_conn_id"), step.text("restic_conn_id")
    if step.kind != "FetchSnapshotOperator" or not etcd or not restic:
        return None
    verify = next(
        (one.task_id for one in steps if one.kind == "VerifyRestoreOperator" and one.group == step.group),
        None,
    )
    return Restore(dag_id, etcd, restic, verify)


class Catalog:
    """Reads cards, each version of a DAG once a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cards: dict[str, tuple[str, Card]] = {}

    def cards(self, dag_ids: set[str], session: Session) -> dict[str, Card]:
        """
        Give the cards of those DAGs that have tasks of this package.

        :param dag_ids: which the user may read.
        """
        newest = (
            select(SerializedDagModel.dag_id, func.max(SerializedDagModel.created_at).label("created_at"))
            .group_by(SerializedDagModel.dag_id)
            .subquery()
        )
        versions = session.execute(
            select(SerializedDagModel.id, SerializedDagModel.dag_id, SerializedDagModel.dag_hash)
            .join(
                newest,
                (SerializedDagModel.dag_id == newest.c.dag_id)
                & (SerializedDagModel.created_at == newest.c.created_at),
            )
            .join(DagModel, DagModel.dag_id == SerializedDagModel.dag_id)
            .where(DagModel.is_stale.is_(False))
        ).all()
        with self._lock:
            known = {dag_id: version for dag_id, (version, _) in self._cards.items()}
        wanted = [one for one in versions if one.dag_id in dag_ids and known.get(one.dag_id) != one.dag_hash]
        for begin in range(0, len(wanted), _CHUNK):
            ids = [one.id for one in wanted[begin : begin + _CHUNK]]
            for row in session.scalars(select(SerializedDagModel).where(SerializedDagModel.id.in_(ids))):
                card = read_card(row.dag_id, row.data or {})
                session.expunge(row)
                with self._lock:
                    self._cards[row.dag_id] = (row.dag_hash, card)
        alive = {one.dag_id for one in versions}
        with self._lock:
            for gone in set(self._cards) - alive:
                del self._cards[gone]
            return {
                dag_id: card for dag_id, (_, card) in self._cards.items() if dag_id in dag_ids and card.kinds
            }
