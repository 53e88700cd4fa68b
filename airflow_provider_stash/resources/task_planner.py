"""Plans a Task of the user's own: finds its Functions, and tries whether all its variables have values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_stash.resources.appbinding import AppBinding
from airflow_provider_stash.resources.load import Manifests
from airflow_provider_stash.resources.refusal import Refused, nearest
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.resources.task import Function, Task
from airflow_provider_stash.resources.task_containers import task_pod
from airflow_provider_stash.resources.task_plan import UPDATE_STATUS, TaskPlan
from airflow_provider_stash.resources.task_variables import task_variables


def plan_task(
    manifests: Manifests,
    task: Task,
    session: Any,
    member: Any,
    *,
    params: Mapping[str, str],
    repository: Repository | None,
    binding: AppBinding | None,
    rule: Any = None,
) -> tuple[TaskPlan, list[str]]:
    """
    Plan a Task for one target.

    :param manifests: where the Functions are.
    :param session: the BackupConfiguration, RestoreSession or batch.
    :param member: the target's part of it.
    :param params: the target's parameters for the Task.
    :param repository: None: not known.
    :param binding: the target; None: not known.
    :param rule: of a restore, the one that the target's host has.
    :return: the plan, and the names of its containers.
    :raises Refused: a Function is missing, or a variable has no value.
    """
    variables = task_variables(session, member, repository=repository, binding=binding, rule=rule)
    if repository is not None:  # where it names none, the Job makes a Secret of the connection
        variables.setdefault("REPOSITORY_SECRET_NAME", "")
    functions = {}
    for index, step in enumerate(task.spec.steps):
        function = manifests.get(Function, "", step.name)
        if function is not None:
            functions[step.name] = function.dump()["spec"]
        elif step.name != UPDATE_STATUS:
            known = [one.object.name for one in manifests.all(Function)]
            raise Refused(
                f"spec.steps[{index}].name",
                f"There is no Function {step.name!r} in the manifests.{nearest(step.name, known)}",
            )
    local = repository.spec.backend.local if repository is not None else None
    plan = TaskPlan(
        name=task.name,
        spec=task.dump()["spec"],
        functions=functions,
        variables=variables,
        params=params,
        restores=session.kind.startswith("Restore"),
        backend=local.dump() if local is not None and local.mount_path else {},
    )
    pod = task_pod(plan, plan.values(), container={}, temp_dir={})
    return plan, [one["name"] for one in pod.containers]
