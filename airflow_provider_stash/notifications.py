"""Word to people by Airflow's notifiers (Slack, SMTP, PagerDuty, ... any), and the memory of what was told."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_stash.exceptions import InvalidConfigurationError, NotificationError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.notifier import BaseNotifier

log = logging.getLogger(__name__)

_MEMORY = "stash_told_"


@dataclass(frozen=True)
class Word:
    """
    What is told. A notifier's templates find it as ``{{ stash.subject }}``, ``{{ stash.text }}`` and so on.

    :param state: ``failed``, ``recovered`` or, of the watchdog, ``unprotected``.
    :param subject: one line.
    :param text: some lines: what happened, since when, what to do.
    :param dag_id: the DAG that tells it.
    :param run_id: its run.
    """

    state: str
    subject: str
    text: str
    dag_id: str
    run_id: str


def check_notifiers(notify: Sequence[BaseNotifier]) -> list[BaseNotifier]:
    """
    Give the notifiers as a list.

    :raises InvalidConfigurationError: one is no notifier of Airflow.
    """
    from airflow.sdk.bases.notifier import BaseNotifier

    if isinstance(notify, BaseNotifier):
        return [notify]
    for one in notify:
        if not isinstance(one, BaseNotifier):
            raise InvalidConfigurationError(
                f"notify holds {one!r}: give notifiers of Airflow, such as SmtpNotifier(...) or SlackNotifier(...)."
            )
    return list(notify)


def tell(notifiers: Sequence[BaseNotifier], context: Context, word: Word) -> None:
    """
    Send word by every notifier; one that fails does not keep the others from it.

    :param context: Airflow's, for the notifiers' templates.
    :raises NotificationError: none of them could send it.
    """
    given = cast("Context", {**context, "stash": asdict(word)})
    errors = []
    for notifier in notifiers:
        try:
            # Rendering changes a notifier; another word will be sent by it.
            copy.copy(notifier)(given)
        except Exception as error:  # noqa: BLE001 - whatever a notifier raises, the next one is tried
            name = type(notifier).__name__
            log.error("%s could not send %r: %s", name, word.subject, error)
            errors.append(f"{name}: {error}")
    if errors and len(errors) == len(notifiers):
        raise NotificationError(f"No notifier could send {word.subject!r}: {'; '.join(errors)}")
    log.info("Told: %s", word.subject)


class Memory:
    """
    What was told of and is not mended yet, or what is watched, in an Airflow Variable; where that is nothing, in none.

    :param owner: who tells: the id of a DAG, or ``DAG.task``.
    """

    def __init__(self, owner: str) -> None:
        self.key = f"{_MEMORY}{owner}"

    def read(self) -> dict[str, Any]:
        """Give what was told."""
        from airflow.sdk import Variable

        return dict(Variable.get(self.key, default=None, deserialize_json=True) or {})

    def write(self, told: Mapping[str, Any], *, before: Mapping[str, Any]) -> None:
        """
        Keep what was told.

        :param before: what ``read`` gave; when nothing changed nothing is written.
        """
        from airflow.sdk import Variable

        if told == before:
            return
        if told:
            description = "What people were told of, and what is watched (airflow-provider-stash)."
            Variable.set(self.key, dict(told), description=description, serialize_json=True)
        else:
            Variable.delete(self.key)
