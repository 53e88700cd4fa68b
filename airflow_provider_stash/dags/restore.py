"""The restore DAG (Stash: RestoreSession), and the same as a group of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup

from airflow_provider_stash.dags.forms import add_form, require_confirmation, restore_form
from airflow_provider_stash.dags.notify import add_callbacks
from airflow_provider_stash.dags.restore_session import RestoreForm, RestoreSession
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.steps.layout import STASH_HOST

if TYPE_CHECKING:
    from airflow.sdk.bases.notifier import BaseNotifier

_TAGS = ("stash", "restore", "etcd")


def etcd_restore_dag(
    dag_id: str,
    *,
    etcd_conn_id: str,
    repository_conn_id: str,
    hostname: str = STASH_HOST,
    confirm: bool = True,
    approval: bool = False,
    bump_revision: str | int = "auto",
    notify: Sequence[BaseNotifier] = (),
    dag_kwargs: Mapping[str, Any] | None = None,
    **session: Any,
) -> DAG:
    """
    Make the DAG that restores one etcd cluster; it has no schedule and is triggered by hand, with a form.

    Everything is checked before a member is stopped. Any failure after that puts the old data back and
    starts the members again, by itself.

    :param dag_id: the DAG's id.
    :param etcd_conn_id: the etcd connection; none of its members needs to be alive.
    :param repository_conn_id: the restic connection.
    :param hostname: the restic host whose snapshots are meant, unless the form says otherwise.
    :param confirm: whether a restore that is no dry run needs the etcd connection's id typed into the form (by the
        API: ``confirm`` in ``conf``).
    :param approval: whether a person is asked before anything is stopped, unless the form says otherwise.
    :param bump_revision: how far revisions move on, unless the form says otherwise: ``auto``, ``off``, a number.
    :param notify: Airflow notifiers that tell of each failure, and of a success after one; see docs/alerts.md.
    :param dag_kwargs: further arguments of the ``DAG``; its tags are added to the package's. ``dagrun_timeout`` is
        refused: it would forbid the way back.
    :param session: further parameters of ``RestoreSession``: ``workload``, and such as ``work_dir`` and ``queue``.
    :raises InvalidConfigurationError: a value that can't be meant.
    """
    restore = RestoreSession(etcd_conn_id=etcd_conn_id, repository_conn_id=repository_conn_id, **session)
    doc = _doc(etcd_conn_id, repository_conn_id, confirm=confirm)
    arguments = restore_dag_arguments({"doc_md": doc, **(dag_kwargs or {})})
    what = f"Restore of {etcd_conn_id} from {repository_conn_id}"
    arguments = add_callbacks(arguments, notify, what=what, proof_task_id="verify", repeat=True)
    with DAG(dag_id, **arguments) as dag:
        fields = ("snapshot", "before", "hostname", "bump_revision", "approval", "dry_run")
        restore.build(
            dag,
            RestoreForm(**{name: dag.param(name) for name in fields}),
            may_begin=require_confirmation(etcd_conn_id) if confirm else None,
        )
    phrase = etcd_conn_id if confirm else None
    add_form(dag, restore_form(hostname, approval, bump_revision, phrase=phrase))
    return dag


def etcd_restore(
    group_id: str = "etcd_restore", *, form: RestoreForm | None = None, **session: Any
) -> TaskGroup:
    """
    Make the tasks of a restore as a group inside a DAG; nothing is asked first, unless ``form`` says so.

    The DAG may have no ``dagrun_timeout``: it would forbid the way back.

    :param group_id: the group's id.
    :param form: which snapshot, and how; None: the latest.
    :param session: the parameters of ``RestoreSession``, such as ``etcd_conn_id`` and ``workload``.
    :raises InvalidConfigurationError: the DAG has a ``dagrun_timeout``.
    """
    with TaskGroup(group_id) as group:
        assert group.dag is not None  # Airflow makes no group outside one
        _refuse_time_limit(group.dag.dagrun_timeout)
        RestoreSession(**session).build(group.dag, form or RestoreForm())
    return group


def restore_dag_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    Give the arguments of the ``DAG`` of a restore.

    :param given: those that go before.
    :raises InvalidConfigurationError: a ``dagrun_timeout`` is among them.
    """
    _refuse_time_limit(given.get("dagrun_timeout"))
    return {
        "schedule": None,
        "catchup": False,
        "max_active_runs": 1,
        "is_paused_upon_creation": False,
        **given,
        # By these the command line knows what it must not trigger unasked.
        "tags": [*_TAGS, *(tag for tag in given.get("tags") or () if tag not in _TAGS)],
    }


def _refuse_time_limit(dagrun_timeout: Any) -> None:
    if dagrun_timeout is not None:
        raise InvalidConfigurationError(
            "A restore DAG can have no dagrun_timeout: Airflow ends such a run without its teardown, the roll-back. "
            "Set execution_timeout in default_args instead."
        )


def _doc(etcd_conn_id: str, repository_conn_id: str, *, confirm: bool) -> str:
    typed = f", type `{etcd_conn_id}` into the last field" if confirm else ""
    return f"""
Restores the etcd cluster of the connection `{etcd_conn_id}` from the restic repository of the connection
`{repository_conn_id}`. **What is in the cluster is replaced by the snapshot.**

1. *Trigger*. `latest` is the newest snapshot; or give the beginning of an id, or a time under *Before*.
2. Unsure? *Dry run*: all is downloaded, checked and tried, the task `approve` tells what would be lost, and nothing is
   stopped.
3. To restore{typed} and trigger. With *Ask before the stop* it waits at `approve` (*Required Actions*).
4. Green: every member is healthy, holds the same keys, at the revision promised.
   Red: the log of the first red task says why. If members had been stopped, `roll_back` has put the old data back and
   started them again; its log tells of each member.

No member needs to be alive. The old data stays beside the new: `<data dir>/.stash/<restore>/old`.
"""
