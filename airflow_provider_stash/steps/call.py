"""Every step by its name, with plain arguments: the same call in a worker and in a Job."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow_provider_stash.etcd.config import EtcdConfig
    from airflow_provider_stash.restic.repository import Repository

_STEPS = {
    "check_integrity": "check",
    "initialize": "initialize",
    "apply_retention": "retention",
    "back_up": "backup",
    "back_up_session": "session",
    "check_member": "member",
    "clean_member": "member",
    "fetch_snapshot": "fetch",
    "fill_member": "member",
    "migrate_repository": "maintenance",
    "prune_repository": "maintenance",
    "read_output": "task_output",
    "repository_status": "status",
    "resolve_snapshot": "resolve",
    "swap_back_member": "member",
    "swap_member": "member",
    "verify_restore": "verify",
    "wait_for_health": "health",
}
"""Module under ``steps`` by the name of its function."""

_OF_ETCD = {"back_up", "back_up_session", "fetch_snapshot", "verify_restore", "wait_for_health"}
_OF_REPOSITORY = set(_STEPS) - {
    "clean_member", "read_output", "swap_back_member", "swap_member", "verify_restore", "wait_for_health",
}  # fmt: skip
_DATACLASSES = {
    "fetch": ("steps.fetch", "FetchOptions"),
    "options": ("restic.prune", "PruneOptions"),
    "policy": ("restic.retention", "RetentionPolicy"),
    "temp_dir": ("steps.staging", "TempDir"),
}
"""Module and class by argument. A DAG file reads this module: what the steps need is read when one runs."""


@dataclass(frozen=True, slots=True)
class StepCall:
    """
    A step and what it is called with.

    :param step: name of the step's function.
    :param arguments: its keyword arguments, as plain JSON: see ``plain``.
    """

    step: str
    arguments: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.step not in _STEPS:
            raise InvalidConfigurationError(
                f"There is no step {self.step!r}: give one of {', '.join(_STEPS)}."
            )

    @property
    def of_etcd(self) -> bool:
        """Whether the step talks to etcd."""
        return self.step in _OF_ETCD

    @property
    def of_repository(self) -> bool:
        """Whether the step works on the repository."""
        return self.step in _OF_REPOSITORY

    def run(self, *, etcd: EtcdConfig | None = None, repository: Repository | None = None) -> dict[str, Any]:
        """
        Run the step here.

        :param etcd: for a step that talks to etcd.
        :param repository: for a step that works on it.
        :return: what the step returns.
        :raises StashError: what the step raises.
        """
        function: Callable[..., dict[str, Any]] = _find(f"steps.{_STEPS[self.step]}", self.step)
        clients = [one for one, needed in ((etcd, self.of_etcd), (repository, self.of_repository)) if needed]
        return function(*clients, **_typed(self.arguments))


def _find(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"airflow_provider_stash.{module}"), name)


def _typed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Make dataclasses of the mappings that ``plain`` made of them."""
    typed = {}
    for name, value in arguments.items():
        if name in _DATACLASSES and isinstance(value, Mapping):
            typed[name] = _find(*_DATACLASSES[name])(**value)
        else:
            typed[name] = _typed(value) if name == "backup" else value
    return typed


def plain(value: Any) -> Any:
    """Write an argument as plain JSON: dataclasses as mappings, sequences as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value
