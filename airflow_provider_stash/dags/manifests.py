"""Stash's manifests as DAGs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, CronTriggerTimetable, TaskGroup, TriggerRule, get_parsing_context

from airflow_provider_stash.dags.backup import Metrics, etcd_backup, etcd_backup_dag
from airflow_provider_stash.dags.refused import refused_manifests
from airflow_provider_stash.dags.restore import etcd_restore_dag
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.hooks.manifests import offer_connection
from airflow_provider_stash.operators.hook import StashHookOperator
from airflow_provider_stash.operators.restic import ResticInitOperator
from airflow_provider_stash.resources.connections import etcd_connection, restic_connection
from airflow_provider_stash.resources.load import Manifests, load, open_manifests
from airflow_provider_stash.resources.plan import DagPlan, HookPlan, MemberPlan
from airflow_provider_stash.resources.planner import plan_all, plan_one
from airflow_provider_stash.resources.refusal import Refusal, Refused
from airflow_provider_stash.resources.scalars import Duration

if TYPE_CHECKING:
    from airflow_provider_stash.workloads.base import Workload


@dataclass(frozen=True)
class ManifestSettings:
    """
    What manifests can't say, for all DAGs made from them.

    :param workloads: where etcd members run that are no Kubernetes workload, such as a ``ProcessWorkload``, by the
        AppBinding's namespace and name: ``{"demo/etcd-appbinding": ...}``.
    :param metrics: where the sessions' metrics go; its namespace is each session's own.
    :param backup: further arguments of ``etcd_backup_dag`` (in a batch, of ``etcd_backup``), such as ``pool``.
    :param restore: further arguments of ``etcd_restore_dag``, such as ``approval`` or ``work_dir``.
    """

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    metrics: Metrics | None = None
    backup: Mapping[str, Any] = field(default_factory=dict)
    restore: Mapping[str, Any] = field(default_factory=dict)


def dags_from_manifests(
    *paths: str | PathLike[str], settings: ManifestSettings | None = None
) -> dict[str, DAG]:
    """
    Make the DAGs of Stash's manifests: one for each BackupConfiguration, RestoreSession, BackupBatch and
    RestoreBatch, and for each AppBinding whose annotations name a BackupBlueprint.

    Use it in a DAG file: ``globals().update(dags_from_manifests("/opt/airflow/stash"))``. What is refused shows
    among Airflow's import errors, under the manifest's path, with object and field; everything else loads. In a
    task's process the task's own DAG alone is made.

    :param paths: of files, and of directories, which are searched with all below them.
    :param settings: what manifests can't say.
    :return: DAGs by id.
    """
    settings = settings or ManifestSettings()
    wanted = get_parsing_context().dag_id
    if wanted is not None:
        manifests = open_manifests(*paths)
        planned = plan_one(manifests, wanted)
        return {wanted: build_dag(planned, manifests, settings)} if planned is not None else {}
    manifests = load(*paths)
    dags, refusals = build_all(manifests, settings)
    return {**dags, **refused_manifests(refusals)}


def build_all(
    manifests: Manifests, settings: ManifestSettings
) -> tuple[dict[str, DAG], list[Refusal]]:
    """
    Make all DAGs of manifests that are loaded.

    :return: DAGs by id, and everything that is refused.
    """
    plans, refusals = plan_all(manifests)
    dags: dict[str, DAG] = {}
    for planned in plans:
        try:
            dags[planned.dag_id] = build_dag(planned, manifests, settings)
        except Refused as error:
            called = f"{planned.kind} {planned.namespace}/{planned.name}"
            refusals.append(Refusal(planned.file, planned.line, called, error.field, error.sentence))
    return dags, refusals


def build_dag(planned: DagPlan, manifests: Manifests, settings: ManifestSettings) -> DAG:
    """
    Make one DAG.

    :param manifests: those that it was planned from; its connections are made from them.
    :raises Refused: what can't be done where this runs.
    """
    for connection in planned.connections:
        if connection.in_manifests:
            make = etcd_connection if connection.kind == "AppBinding" else restic_connection
            given = partial(make, manifests, connection.namespace, connection.name, **connection.options)
            offer_connection(connection.conn_id, given)
    try:
        if not planned.is_backup:
            return _restore_dag(planned, settings)
        return _batch_dag(planned, settings) if planned.is_batch else _backup_dag(planned, settings)
    except InvalidConfigurationError as error:
        raise Refused("", str(error)) from error


def _backup_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    member = planned.members[0]
    return etcd_backup_dag(
        planned.dag_id,
        etcd_conn_id=member.etcd.conn_id,
        schedule=_schedule(planned),
        paused=planned.paused,
        timeout=planned.timeout,
        retries=planned.retries,
        **({"retry_delay": planned.retry_delay} if planned.retry_delay else {}),
        pre_backup=_hooks(planned, member.pre, member),
        post_backup=_hooks(planned, member.post, member),
        dag_kwargs=_dag_arguments(planned),
        **_backup_arguments(planned, member, settings),
    )


def _backup_arguments(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> dict[str, Any]:
    return {
        "repository_conn_id": planned.repository.conn_id,
        "retention_policy": planned.retention_policy,
        "hostname": member.hostname,
        "wait_timeout": member.wait_timeout,
        "metrics": _metrics(planned, settings),
        **settings.backup,
    }


def _batch_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    defaults: dict[str, Any] = {"retries": planned.retries}
    if planned.retry_delay:
        defaults["retry_delay"] = planned.retry_delay
    arguments = _dag_arguments(planned)
    arguments["default_args"] |= defaults
    with DAG(
        planned.dag_id,
        schedule=_schedule(planned),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=planned.paused,
        dagrun_timeout=planned.timeout,
        **arguments,
    ) as dag:
        # Made once, before members that may run side by side would all make it.
        init = ResticInitOperator(task_id="init_repository", restic_conn_id=planned.repository.conn_id)
        before = _hooks(planned, planned.pre, None)
        last: Any = init
        if before:
            last >> before[0]
            last = before[0]
        sessions: list[str] = [init.task_id]
        for member in planned.members:
            group, tasks = _batch_member(planned, member, settings)
            last >> group
            sessions += tasks
            if planned.sequential:
                last = group
        after = _hooks(planned, planned.post, None, sessions=sessions, before=[one.task_id for one in before])
        for task_id in sessions:
            dag.get_task(task_id) >> after
    return dag


def _batch_member(
    planned: DagPlan, member: MemberPlan, settings: ManifestSettings
) -> tuple[TaskGroup, list[str]]:
    """Make the group of a member; gives the ids of the tasks that are its session."""
    arguments = {**_backup_arguments(planned, member, settings), "initialize": False}
    with TaskGroup(member.name) as group:
        session = etcd_backup(
            "session",
            etcd_conn_id=member.etcd.conn_id,
            pre_backup=_hooks(planned, member.pre, member),
            post_backup=_hooks(planned, member.post, member),
            **arguments,
        )
    data = ("wait_for_etcd", "init_repository", "backup", "forget", "check", "outcome")
    return group, [f"{session.group_id}.{name}" for name in data if f"{session.group_id}.{name}" in session.used_group_ids or True]


def _restore_dag(planned: DagPlan, settings: ManifestSettings) -> DAG:
    if planned.is_batch:
        raise Refused("kind", "a RestoreBatch can't be done yet: give a RestoreSession for each member.")
    member = planned.members[0]
    restore = member.restore
    assert restore is not None
    arguments = _dag_arguments(planned)
    if planned.timeout:
        arguments["default_args"]["execution_timeout"] = planned.timeout
    dag = etcd_restore_dag(
        planned.dag_id,
        etcd_conn_id=member.etcd.conn_id,
        repository_conn_id=planned.repository.conn_id,
        workload=_workload(planned, member, settings),
        hostname=member.hostname,
        pre_restore=_hooks(planned, member.pre, member),
        post_restore=_hooks(planned, member.post, member),
        metrics=_metrics(planned, settings),
        **{
            "bump_revision": restore.bump_revision,
            "health_timeout": member.wait_timeout,
            "dag_kwargs": arguments,
            **settings.restore,
        },
    )
    dag.params["snapshot"] = restore.snapshot
    return dag


def _workload(planned: DagPlan, member: MemberPlan, settings: ManifestSettings) -> Workload:
    given = settings.workloads.get(f"{member.etcd.namespace}/{member.etcd.name}")
    if given is not None:
        return given
    raise Refused(
        f"{member.path}.task.params",
        f"the members run as {member.restore.workload_kind if member.restore else ''} in Kubernetes, which can't be "
        f"stopped and filled from here yet. Where they run elsewhere, give settings.workloads an entry "
        f"'{member.etcd.namespace}/{member.etcd.name}'.",
    )


def _hooks(
    planned: DagPlan,
    hook: HookPlan | None,
    member: MemberPlan | None,
    *,
    sessions: Sequence[str] = (),
    before: Sequence[str] = (),
) -> list[StashHookOperator]:
    """Make the task of a hook, in a list; empty where there is none."""
    if hook is None:
        return []
    handler = dict(hook.handler)
    if hook.phase.startswith("post"):
        handler["executionPolicy"] = hook.execution_policy
    target = member.target if member is not None else planned.members[0].target
    try:
        return [
            StashHookOperator(
                task_id={"preB": "pre_backup", "postB": "post_backup", "preR": "pre_restore", "postR": "post_restore"}[
                    hook.phase[: hook.phase.index("B" if "Backup" in hook.phase else "R") + 1]
                ],
                handler=handler,
                phase=hook.phase,
                session={
                    "namespace": planned.namespace,
                    "invoker": {
                        "apiGroup": "stash.appscode.com",
                        "kind": planned.kind,
                        "name": planned.name,
                    },
                    "target": dict(target),
                },
                data_task_ids=sessions,
                before_task_ids=before,
                trigger_rule=TriggerRule.ALL_DONE if hook.phase.startswith("post") else TriggerRule.ALL_SUCCESS,
            )
        ]
    except InvalidConfigurationError as error:
        raise Refused(hook.path, str(error)) from error


def _metrics(planned: DagPlan, settings: ManifestSettings) -> Metrics | None:
    from dataclasses import replace

    return replace(settings.metrics, namespace=planned.namespace) if settings.metrics else None


def _schedule(planned: DagPlan) -> Any:
    """Give Airflow's schedule for what a CronJob takes: cron, ``@hourly``, ``@every 1h``, ``CRON_TZ=... cron``."""
    text = (planned.schedule or "").strip()
    if not text:
        return None
    if text.startswith("@every "):
        try:
            return Duration(text.removeprefix("@every ").strip()).timedelta
        except ValueError as error:
            raise Refused("spec.schedule", f"{text!r}: write a duration behind @every, such as 90m.") from error
    zone = "UTC"
    if text.startswith(("CRON_TZ=", "TZ=")):
        zone, _, text = text.partition("=")[2].partition(" ")
    try:
        timetable = CronTriggerTimetable(text.strip(), timezone=zone)
        timetable.validate()
    except Exception as error:  # noqa: BLE001 - croniter and zoneinfo have errors of many kinds
        raise Refused("spec.schedule", f"{planned.schedule!r} is no schedule: {error}") from error
    return timetable if zone != "UTC" else text.strip()


def _dag_arguments(planned: DagPlan) -> dict[str, Any]:
    return {
        "tags": planned.tags,
        "default_args": {"owner": planned.namespace},
        "doc_md": f"From `{planned.file}`, line {planned.line}: {planned.kind} {planned.namespace}/{planned.name}."
        f"\n\n```yaml\n{planned.source.strip()}\n```",
    }
