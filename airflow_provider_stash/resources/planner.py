"""Plans the DAGs of manifests, and tells what can't be done."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.backup import BackupBatch, BackupConfiguration
from airflow_provider_stash.resources.blueprint import BLUEPRINT, expand
from airflow_provider_stash.resources.hooks import without_secrets
from airflow_provider_stash.resources.load import Loaded, Manifests
from airflow_provider_stash.resources.member import MemberPlanner
from airflow_provider_stash.resources.plan import ConnectionPlan, DagPlan
from airflow_provider_stash.resources.refusal import Refusal, Refused
from airflow_provider_stash.resources.repository import Repository, UsagePolicy
from airflow_provider_stash.resources.restore import RestoreBatch, RestoreSession
from airflow_provider_stash.restic.retention import RetentionPolicy

_MODELS = {
    model.__name__.lower(): model
    for model in (BackupConfiguration, RestoreSession, BackupBatch, RestoreBatch)
}
_DAG_ID = re.compile(r"^stash\.([^.]+)\.([a-z]+)\.(.+)$")


def plan_all(manifests: Manifests) -> tuple[list[DagPlan], list[Refusal]]:
    """
    Plan every DAG.

    :return: the plans, and all refusals: those of the manifests, and what was found while planning.
    """
    plans: list[DagPlan] = []
    refusals: list[Refusal] = []
    taken = _Taken()
    for loaded, repository in _sessions(manifests, refusals):
        planned = _plan(manifests, loaded, repository, refusals)
        if planned is None:
            continue
        clash = taken.clash(planned)
        if clash:
            refusals.append(loaded.refusal("metadata.name", clash))
            continue
        taken.add(planned)
        plans.append(planned)
    return plans, [*manifests.refusals, *refusals]


def plan_one(manifests: Manifests, wanted: str) -> DagPlan | None:
    """
    Plan one DAG, reading no more than it needs.

    :param manifests: opened, not loaded.
    :param wanted: the DAG's id.
    :return: None where no object has this DAG, or its object is refused.
    """
    match = _DAG_ID.match(wanted)
    model = _MODELS.get(match[2]) if match else None
    if match is None or model is None:
        return None
    found = manifests.find(model, match[1], match[3])
    if found is not None:
        return _plan(manifests, found, None, [])
    if model is BackupConfiguration:  # it may come from a blueprint
        for loaded, repository in _expanded(manifests, []):
            if (loaded.object.namespace, loaded.object.name) == (match[1], match[3]):
                return _plan(manifests, loaded, repository, [])
    return None


def _sessions(manifests: Manifests, refusals: list[Refusal]) -> Iterable[tuple[Loaded, Loaded | None]]:
    yield from ((loaded, None) for loaded in manifests.all(*_MODELS.values()))
    yield from _expanded(manifests, refusals)


def _expanded(manifests: Manifests, refusals: list[Refusal]) -> Iterable[tuple[Loaded, Loaded]]:
    for binding in manifests.all(AppBinding, holding=BLUEPRINT):
        if BLUEPRINT in binding.object.metadata.annotations:
            for one in expand(manifests, binding):
                if isinstance(one, Refusal):
                    refusals.append(one)
                else:
                    manifests.add(one[1])
                    yield one


class _Taken:
    """The ids of the DAGs and connections that are taken."""

    def __init__(self) -> None:
        self._dags: dict[str, DagPlan] = {}
        self._connections: dict[str, ConnectionPlan] = {}

    def clash(self, planned: DagPlan) -> str:
        """Tell what has an id of this plan already: names may differ (``a-b`` and ``a.b``) where ids can't."""
        other = self._dags.get(planned.dag_id)
        if other is not None:
            return f"{other.kind} {other.namespace}/{other.name} in {other.file}:{other.line} has this DAG's id too."
        for mine in planned.connections:
            one = self._connections.get(mine.conn_id, mine)
            if (one.namespace, one.name) != (mine.namespace, mine.name):
                return (
                    f"needs the connection {mine.conn_id!r}, which is that of {one.kind} {one.namespace}/{one.name} "
                    "too: rename one of them."
                )
        return ""

    def add(self, planned: DagPlan) -> None:
        """Take a plan's ids."""
        self._dags[planned.dag_id] = planned
        self._connections |= {one.conn_id: one for one in planned.connections}


def _plan(
    manifests: Manifests, loaded: Loaded, repository: Loaded | None, refusals: list[Refusal]
) -> DagPlan | None:
    planner = _SessionPlanner(manifests, loaded, repository)
    try:
        return planner.plan()
    except Refused as error:
        refusals.append(loaded.refusal(error.field, error.sentence))
        return None
    finally:
        refusals += planner.refusals


class _SessionPlanner:
    """Plans one object; ``refusals`` holds all that is wrong with it, unless the last is raised."""

    def __init__(self, manifests: Manifests, loaded: Loaded, repository: Loaded | None) -> None:
        self.manifests, self.loaded = manifests, loaded
        self.object = loaded.object
        self.made_repository = repository.object if repository else None
        self.refusals: list[Refusal] = []
        self.places: dict[str, str] = {}

    def plan(self) -> DagPlan:
        spec, kind = self.object.spec, self.object.kind
        if spec.driver != "Restic":
            raise Refused(
                "spec.driver", f"is {spec.driver!r}: volume snapshots can't be made here; restic can."
            )
        repository = self._repository(spec)
        members = self._members()
        if any(member.no_cache for member in members):
            repository = replace(repository, options={"no_cache": True})
        read = _plain(self.object.dump())
        document = without_secrets(read)
        backup = isinstance(self.object, BackupConfiguration | BackupBatch)
        planned = DagPlan(
            kind=kind,
            namespace=self.object.namespace,
            name=self.object.name,
            file=self.loaded.file,
            line=self.loaded.line,
            source=(self.loaded.source.strip() if document == read else "")
            or yaml.safe_dump(document, sort_keys=False),
            repository=repository,
            members=tuple(member.plan for member in members),
            document=document,
            places=self.places,
            timeout=spec.time_out.timedelta if spec.time_out else None,
            **(self._of_backup(spec) if backup else {}),
            **(self._of_batch(spec) if kind.endswith("Batch") else {}),
        )
        if self.refusals:
            last = self.refusals.pop()
            raise Refused(last.field, last.sentence)
        return planned

    def _of_backup(self, spec: Any) -> dict[str, Any]:
        policy = spec.retention_policy.dump()
        try:
            RetentionPolicy.from_stash(policy)
        except ValueError as error:
            raise Refused("spec.retentionPolicy", str(error)) from error
        delay = spec.retry_config.delay
        return {
            "schedule": spec.schedule or None,
            "paused": spec.paused,
            "retention_policy": policy,
            "retries": spec.retry_config.max_retry,
            "retry_delay": delay.timedelta if delay else None,
        }

    def _of_batch(self, spec: Any) -> dict[str, Any]:
        hooks = MemberPlanner(self.manifests, self.object, "spec").hooks(spec.hooks)
        return {"sequential": spec.execution_order == "Sequential", "pre": hooks[0], "post": hooks[1]}

    def _repository(self, spec: Any) -> ConnectionPlan:
        name = spec.repository.name
        if not name:
            raise Refused("spec.repository.name", "is missing.")
        namespace = spec.repository.namespace or self.object.namespace
        found = self.made_repository or self.manifests.get(Repository, namespace, name)
        if found is None:
            if self.manifests.refusal_of(Repository, namespace, name):
                raise Refused("spec.repository.name", f"Repository {namespace}/{name} is refused itself.")
            connection = ConnectionPlan("Repository", namespace, name, in_manifests=False)
        else:
            policy = found.spec.usage_policy or UsagePolicy()
            own = self.object.namespace
            if not policy.allows(own, namespace, self.manifests.labels_of(own)):
                raise Refused(
                    "spec.repository.namespace",
                    f"{found} may not be used from the namespace {own!r}: its spec.usagePolicy.allowedNamespaces says "
                    f"from: {policy.allowed_namespaces.from_}.",
                )
            connection = ConnectionPlan("Repository", namespace, name)
        self.places["spec.repository"] = f"the restic connection {connection.conn_id}; a tag"
        return connection

    def _members(self) -> list[MemberPlanner]:
        if not self.object.kind.endswith("Batch"):
            one = MemberPlanner(self.manifests, self.object, "spec")
            one.read(self.object.spec)
            self.places |= one.places
            return [one]
        planners: list[MemberPlanner] = []
        if not self.object.spec.members:
            raise Refused("spec.members", "is empty: there is nothing to do.")
        for index, member in enumerate(self.object.spec.members):
            planner = MemberPlanner(self.manifests, self.object, f"spec.members[{index}]")
            try:
                planner.read(member)
                self._check_apart(planner, planners)
                planners.append(planner)
                self.places |= planner.places
            except Refused as error:
                self.refusals.append(self.loaded.refusal(error.field, error.sentence))
        return planners

    def _check_apart(self, planner: MemberPlanner, others: list[MemberPlanner]) -> None:
        for other in others:
            if planner.plan.name == other.plan.name:
                raise Refused(
                    f"{planner.path}.target.alias", f"{planner.plan.name!r} is another member's name too."
                )
            if self.object.kind == "RestoreBatch" and planner.plan.etcd.conn_id == other.plan.etcd.conn_id:
                raise Refused(
                    f"{planner.path}.target.ref",
                    f"is the target of the member {other.plan.name!r} too: one restore would overwrite the other.",
                )
            if self.object.kind == "BackupBatch" and planner.plan.hostname == other.plan.hostname:
                raise Refused(
                    f"{planner.path}.target.alias",
                    f"its snapshots would be of the host {planner.plan.hostname!r}, as another member's: give each "
                    "member an alias of its own.",
                )


def _plain(value: Any) -> Any:
    """Give texts as ``str`` alone, which YAML writers know."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value
