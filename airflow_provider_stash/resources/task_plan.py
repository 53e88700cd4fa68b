"""A Task of the user's own: what its Pod is resolved from, once a run begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UPDATE_STATUS = "update-status"
"""Stash's own Function: it reads what the others wrote, and tells Stash's objects of it."""


@dataclass(frozen=True)
class TaskPlan:
    """
    A Task with its Functions, and the values of their variables as far as the manifests tell.

    :param name: the Task's.
    :param spec: the Task's, as in YAML.
    :param functions: the spec of each Function that it names, by name; without Stash's own ``update-status``, unless
        the manifests hold it.
    :param variables: Stash's variables.
    :param params: the target's own parameters, which go before the variables.
    :param restores: whether it restores; else it backs up.
    :param backend: a local backend's volume, as in YAML: ``mountPath`` and a volume's source; empty: it is another.
    """

    name: str
    spec: Mapping[str, Any]
    functions: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, str]
    params: Mapping[str, str]
    restores: bool = False
    backend: Mapping[str, Any] = field(default_factory=dict)

    def values(self, **of_run: str) -> dict[str, str]:
        """
        Give the values of all variables.

        :param of_run: those that a run alone knows, by name.
        """
        return {**self.variables, **of_run, **self.params}

    def is_update_status(self, step: str) -> bool:
        """Tell whether a step is Stash's own ``update-status``: by its name, or by the command of its Function."""
        function = self.functions.get(step)
        args = (function or {}).get("args") or [""]
        return step == UPDATE_STATUS or args[0] == UPDATE_STATUS
