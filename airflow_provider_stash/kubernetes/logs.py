"""Shows the logs of a Pod's containers in the task's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_stash.kubernetes.containers import has_started, state_of
from airflow_provider_stash.kubernetes.manifests import CONTAINER
from airflow_provider_stash.kubernetes.record import is_record

Say = Callable[[int, str], Any]

_LEVELS = {name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")}


class Shown:
    """
    What has been shown of the logs of containers that run one after another: a log is read anew when its connection
    broke, and each line is shown once.

    :param containers: in their order; where there are several, their lines begin with their names.
    :param say: takes a line: its level and its text.
    """

    def __init__(self, containers: Sequence[str], say: Say) -> None:
        self._lines = dict.fromkeys(containers, 0)
        self._whole: set[str] = set()
        self._say = say
        self.record: str | None = None
        """The record that the step has written, if it has."""

    def unread(self, pod: Mapping[str, Any]) -> Iterator[Log]:
        """Give the logs that have more to show; each must be read before the next is asked for."""
        for container in self._lines:
            if container not in self._whole and has_started(pod, container):
                log = Log(container, self._lines[container], self._line)
                yield log
                self._lines[container] = max(log.number, self._lines[container])
                if state_of(pod, container) == "terminated":
                    self._whole.add(container)

    def _line(self, container: str, line: str, new: bool) -> None:
        if container == CONTAINER and is_record(line):  # a Function may run a step, too
            self.record = line
        elif new:
            show(line, self._say, f"[{container}] " if len(self._lines) > 1 else "")


class Log:
    """
    A container's log, from its beginning.

    :param container: its name.
    :param shown: lines that were shown before.
    :param take: takes a line: the container, the line, and whether it is a new one.
    """

    def __init__(self, container: str, shown: int, take: Callable[[str, str, bool], None]) -> None:
        self.container, self.number = container, 0
        self._shown, self._take = shown, take

    def add(self, line: str) -> None:
        """Take the next line."""
        self.number += 1
        self._take(self.container, line, self.number > self._shown)


def show(line: str, say: Say, prefix: str = "") -> None:
    """Write a line of a container's log to the task's, at its own level."""
    level, _, message = line.partition(" ")
    if level in _LEVELS:
        say(_LEVELS[level], f"{prefix}{message}")
    else:
        say(logging.INFO, f"{prefix}{line}")
