"""Plans one target of a session: a BackupConfiguration's or RestoreSession's own, or a member of a batch."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.etcd_task import WORKLOAD_PARAMS, EtcdParams, action_of, read_params
from airflow_provider_stash.resources.field_places import OWN_TASK_FIELDS, REFUSED_FIELDS
from airflow_provider_stash.resources.hooks import Handler, PostHandler
from airflow_provider_stash.resources.load import Manifests
from airflow_provider_stash.resources.model import APPCATALOG_V1ALPHA1, HOST, TaskRef
from airflow_provider_stash.resources.plan import ConnectionPlan, HookPlan, MemberPlan, RestoreSettings
from airflow_provider_stash.resources.refusal import Refused
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.resources.task import Task
from airflow_provider_stash.resources.task_plan import TaskPlan
from airflow_provider_stash.resources.task_planner import plan_task

_SNAPSHOT = re.compile(r"^(latest|[0-9a-f]{4,64})$")


class MemberPlanner:
    """
    Reads one target; ``plan`` holds the outcome, ``places`` where its fields went.

    :param manifests: for the AppBinding and Task that it names.
    :param session: the object that it is part of.
    :param path: where it stands in it.
    """

    plan: MemberPlan

    def __init__(self, manifests: Manifests, session: Any, path: str) -> None:
        self.manifests, self.session, self.path = manifests, session, path
        self.action = "restore" if session.kind.startswith("Restore") else "backup"
        self.places: dict[str, str] = {}
        self.no_cache = False

    def read(self, member: Any) -> None:
        """
        Plan it.

        :raises Refused: what can't be done.
        """
        if member.target is None:
            raise Refused(f"{self.path}.target", "is missing.")
        namespace, name, binding = self._target(member.target.ref)
        ref = self._task_ref(member, binding)
        own = self._own_task(ref, member, binding)
        self._refuse_other_fields(member, own)
        params = EtcdParams({}) if own else self._etcd_task(ref, member)
        etcd = ConnectionPlan(
            "AppBinding", namespace, name, binding is not None, {"insecure": True} if params.insecure else {}
        )
        alias = member.target.alias
        restore = (
            self._restore(member, params, alias or HOST) if self.action == "restore" and own is None else None
        )
        pre, post = self.hooks(member.hooks)
        self.no_cache = member.temp_dir.disable_caching
        self.places[f"{self.path}.target.ref"] = f"the etcd connection {etcd.conn_id}; a tag"
        target = member.target.ref
        self.plan = MemberPlan(
            name=re.sub(r"[^\w-]", "_", alias or name),
            path=self.path,
            etcd=etcd,
            target={
                "apiVersion": target.api_version,
                "kind": target.kind,
                "namespace": namespace,
                "name": name,
            },
            hostname=restore[1] if restore else alias or HOST,
            service=_service(binding),
            wait_timeout=params.wait_timeout,
            pre=pre,
            post=post,
            restore=restore[0] if restore else None,
            task=own,
            runtime_settings=member.runtime_settings.dump(),
            temp_dir={k: v for k, v in member.temp_dir.dump().items() if k != "disableCaching"},
            interim_volume=member.interim_volume_template.dump() if member.interim_volume_template else None,
        )

    def hooks(self, hooks: Any) -> tuple[HookPlan | None, HookPlan | None]:
        """Plan the actions before and after."""
        phases = ("preRestore", "postRestore") if self.action == "restore" else ("preBackup", "postBackup")
        pre, post = (
            (hooks.pre_restore, hooks.post_restore)
            if self.action == "restore"
            else (hooks.pre_backup, hooks.post_backup)
        )
        return self._hook(pre, phases[0]), self._hook(post, phases[1])

    def _hook(self, handler: Handler | None, phase: str) -> HookPlan | None:
        if handler is None:
            return None
        path = f"{self.path}.hooks.{phase}"
        if isinstance(handler, PostHandler):
            return HookPlan(phase, handler.handler(), handler.execution_policy, path)
        return HookPlan(phase, handler.dump(), path=path)

    def _refuse_other_fields(self, member: Any, own: TaskPlan | None) -> None:
        dumped = member.dump()
        for field, sentence in REFUSED_FIELDS.items():
            if own is not None and field in OWN_TASK_FIELDS:
                self.places[f"{self.path}.{field}"] = OWN_TASK_FIELDS[field]
                continue
            value: Any = dumped
            for step in field.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            if value not in (None, [], ""):
                raise Refused(f"{self.path}.{field}", sentence)

    def _target(self, ref: Any) -> tuple[str, str, AppBinding | None]:
        path = f"{self.path}.target.ref"
        if (
            ref.kind != "AppBinding"
            or ref.api_version.split("/")[0] != APPCATALOG_V1ALPHA1.split("/", maxsplit=1)[0]
        ):
            raise Refused(
                f"{path}.kind" if ref.kind != "AppBinding" else f"{path}.apiVersion",
                f"{ref.api_version or '(no apiVersion)'} {ref.kind or '(no kind)'} can't be a target here: only an "
                f"AppBinding ({APPCATALOG_V1ALPHA1}) of an etcd cluster can.",
            )
        if not ref.name:
            raise Refused(f"{path}.name", "is missing.")
        namespace = ref.namespace or self.session.namespace
        binding = self.manifests.get(AppBinding, namespace, ref.name)
        if binding is None and self.manifests.refusal_of(AppBinding, namespace, ref.name):
            raise Refused(f"{path}.name", f"AppBinding {namespace}/{ref.name} is refused itself.")
        if binding is not None and binding.spec.type and binding.spec.app_resource != "etcd":
            raise Refused(
                f"{path}.name",
                f"{binding} is of the type {binding.spec.type!r}: only etcd can be served here.",
            )
        return namespace, ref.name, binding

    def _task_ref(self, member: Any, binding: AppBinding | None) -> TaskRef:
        """Give the Task and its parameters: the target's, else the AppBinding's own."""
        addon = binding.spec.addon_task(self.action) if binding is not None else TaskRef()
        name = member.task.name or addon.name
        if not name:
            raise Refused(
                f"{self.path}.task.name", f"is missing: give an etcd Task, such as etcd-{self.action}-3.5.0."
            )
        return TaskRef(name=name, params=member.task.params or addon.params)

    def _etcd_task(self, ref: TaskRef, member: Any) -> EtcdParams:
        path, action = f"{self.path}.task", action_of(ref.name)
        if action != self.action:
            raise Refused(f"{path}.name", f"{ref.name!r} does a {action}; this is a {self.action}.")
        index = {param.name: number for number, param in enumerate(member.task.params)}
        try:
            params = read_params(ref.values(), action)
            if action == "restore":
                _ = params.initial_cluster
        except Refused as error:
            where = f"{path}.params[{index[error.field]}]" if error.field in index else f"{path}.params"
            part = "name" if error.sentence.startswith("is not a parameter") else "value"
            raise Refused(f"{where}.{part}", f"{error.field} {error.sentence}") from error
        for name_, place in params.places.items():
            if name_ in index:
                self.places[f"{path}.params[{index[name_]}]"] = place
        return params

    def _own_task(self, ref: TaskRef, member: Any, binding: AppBinding | None) -> TaskPlan | None:
        """Plan a Task of the user's own; None: it is one of etcd's, which are built in."""
        if action_of(ref.name) is not None:
            return None
        path = f"{self.path}.task"
        task = self.manifests.get(Task, "", ref.name)
        if task is None:
            raise Refused(
                f"{path}.name",
                f"{ref.name!r} is none of etcd's Tasks (such as etcd-{self.action}-3.5.0), and the manifests hold no "
                "Task of this name.",
            )
        reference = self.session.spec.repository
        repository = self.manifests.get(
            Repository, reference.namespace or self.session.namespace, reference.name
        )
        host = member.target.alias or HOST
        chosen = self._choose_rule(member, host) if self.action == "restore" else None
        try:
            plan, containers = plan_task(
                self.manifests, task, self.session, member,
                params=ref.values(), repository=repository, binding=binding, rule=chosen[1] if chosen else None,
            )  # fmt: skip
        except Refused as error:
            raise Refused(
                f"{path}.name", f"the Task {ref.name!r} can't be resolved: {error.field}: {error.sentence}"
            ) from error
        self.places[f"{path}.name"] = (
            f"one Pod of task {self.action}: its containers are, one after another, {', '.join(containers)}"
        )
        for field in ("target.rules", "rules"):
            self.places[f"{self.path}.{field}"] = (
                "variables of the Task and its Functions, such as RESTORE_SNAPSHOTS"
            )
        for index, param in enumerate(member.task.params):
            self.places[f"{path}.params[{index}]"] = f"variable {param.name} of the Task and its Functions"
        return plan

    def _restore(self, member: Any, params: EtcdParams, host: str) -> tuple[RestoreSettings, str]:
        """Give the settings, and the host whose snapshots are meant."""
        snapshot, source = self._rule(member, host)
        kind = params.values.get("workloadKind", "")
        if kind and kind not in {"StatefulSet", "Pod"}:
            raise Refused(
                f"{self.path}.task.params", f"workloadKind is {kind!r}; it can be StatefulSet or Pod."
            )
        return (
            RestoreSettings(
                snapshot=snapshot,
                workload={name: params.values[name] for name in WORKLOAD_PARAMS if params.values.get(name)},
                bump_revision=params.flags.get("bump-revision", "auto"),
            ),
            source,
        )

    def _rule(self, member: Any, host: str) -> tuple[str, str]:
        chosen = self._choose_rule(member, host)
        if chosen is None:
            return "latest", host
        path, rule = chosen
        for field in ("paths", "include", "exclude"):
            if getattr(rule, field):
                raise Refused(
                    f"{path}.{field}",
                    "can't be meant here: an etcd snapshot is one file, the whole database.",
                )
        if len(rule.snapshots) > 1:
            raise Refused(f"{path}.snapshots", "holds several: each is a whole database, give one.")
        snapshot = rule.snapshots[0] if rule.snapshots else "latest"
        if not _SNAPSHOT.match(snapshot):
            raise Refused(
                f"{path}.snapshots[0]", f"{snapshot!r} is neither latest nor a snapshot's id (hexadecimal)."
            )
        return snapshot, rule.source_host or host

    def _choose_rule(self, member: Any, host: str) -> tuple[str, Any] | None:
        """Give the rule that a host has, with its place; None: there are no rules."""
        path, rules = f"{self.path}.target.rules", member.target.rules
        old = getattr(member, "rules", [])
        if rules and old:
            raise Refused(
                f"{self.path}.rules", "stands beside target.rules, which took its place: give one of them."
            )
        if old:
            path, rules = f"{self.path}.rules", old
        if not rules:
            return None
        chosen = [index for index, rule in enumerate(rules) if host in rule.target_hosts] or [
            index for index, rule in reversed(list(enumerate(rules))) if not rule.target_hosts
        ]
        if not chosen:
            raise Refused(path, f"holds no rule for the host {host!r}.")
        return f"{path}[{chosen[0]}]", rules[chosen[0]]


def _service(binding: AppBinding | None) -> dict[str, str] | None:
    service = binding.spec.client_config.service if binding is not None else None
    if binding is None or service is None:
        return None
    return {"namespace": service.namespace or binding.namespace, "name": service.name}
