"""Runs a hook of Stash's manifests, before or after a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_stash.attempts import attempt
from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.operators.base import StashOperator
from airflow_provider_stash.operators.policy import SessionTasks, check_policy
from airflow_provider_stash.steps.handler import Handler
from airflow_provider_stash.steps.hook import TIMEOUT, check_handler, run_handler
from airflow_provider_stash.steps.hook_request import tls_context
from airflow_provider_stash.steps.results import now
from airflow_provider_stash.steps.summary import Status, check_session, summary

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_stash.kubernetes.running_pod import RunningPod
    from airflow_provider_stash.workloads.target_pod import TargetPod

_BEFORE, _AFTER = ("preBackup", "preRestore"), ("postBackup", "postRestore")


class StashHookOperator(StashOperator):
    """
    Does what a hook's handler asks for: an HTTP request, a TCP connection, a command in the target's pod.

    Give it to ``etcd_backup_dag`` or ``etcd_restore_dag`` in ``pre_backup``, ``post_backup``, ``pre_restore`` or
    ``post_restore``: they tell it which tasks it is about. In a DAG of your own give ``data_task_ids`` and
    ``host_task_id``, and make it follow all of them.

    After a session it runs by its ``executionPolicy``, else it is skipped: also when a hook before the session
    failed, or when there was no session at all. Its failure fails the run.

    What is wrong with the handler is told when the DAG is parsed. Jinja renders nothing here: the braces are Go's.

    :param handler: what stands under ``preBackup`` and so on in a manifest: ``httpGet``, ``httpPost``,
        ``tcpSocket``, ``exec``, ``containerName``, and after a session ``executionPolicy``. ``httpPost.body`` and
        ``exec.command`` are Go templates.
    :param phase: ``preBackup``, ``postBackup``, ``preRestore`` or ``postRestore``.
    :param session: what templates see of the invoker and the target, in Stash's names: ``namespace``, ``invoker``
        {``apiGroup``, ``kind``, ``name``}, ``target`` {``apiVersion``, ``kind``, ``name``, ``namespace``}.
        None: the DAG factory's own: this DAG, and the etcd connection.
    :param data_task_ids: the session's tasks, in order: their states and first error are the session's.
    :param host_task_id: the one of them without which there was no session, such as ``backup`` or ``verify``.
    :param before_task_ids: the hooks before the session: unless all of them succeeded, one after it is skipped.
    :param target_pod: the pod that it is about: for commands, named ports, and requests without a host. None: none
        is known, and a handler that needs one is refused.
    :param timeout: seconds for one request or connection. A command may take any time: ``execution_timeout`` ends
        the task, and leaves the command to its end.
    :param ca_certificate: path of the CA certificate (PEM) of the servers; None: the CAs that httpx trusts.
    :param insecure_tls: take any certificate, as Stash does.
    :return: ``phase`` (the session's), ``actions`` (see ``run_handler``), ``duration``.
    """

    ui_color = "#fff2cc"

    def __init__(
        self,
        *,
        handler: Mapping[str, Any],
        phase: str,
        session: Mapping[str, Any] | None = None,
        data_task_ids: Sequence[str] = (),
        host_task_id: str | None = None,
        before_task_ids: Sequence[str] = (),
        target_pod: TargetPod | None = None,
        timeout: float = TIMEOUT,
        ca_certificate: str | None = None,
        insecure_tls: bool = False,
        **kwargs: Any,
    ) -> None:
        if phase not in _BEFORE + _AFTER:
            raise InvalidConfigurationError(f"phase is {phase!r}: give one of {', '.join(_BEFORE + _AFTER)}.")
        if phase in _AFTER:
            kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        # No template field: Airflow would show it, and its path may be a secret.
        self._handler = Handler.from_stash(handler, phase)
        check_handler(self._handler, phase, has_pod=target_pod is not None)
        if session is not None:
            check_session(session)
        if phase in _BEFORE and self._handler.execution_policy:
            raise InvalidConfigurationError(f"{phase}.executionPolicy: a hook before a session has none.")
        self.execution_policy = self._handler.execution_policy or "Always"
        check_policy(self.execution_policy, f"{phase}.executionPolicy")
        self.phase = phase
        self.session = session
        self.tasks = SessionTasks(tuple(data_task_ids), host_task_id, tuple(before_task_ids))
        self.target_pod = target_pod
        self.timeout = timeout
        self.ca_certificate = ca_certificate
        self.insecure_tls = insecure_tls

    def attach(
        self,
        tasks: SessionTasks,
        session: Mapping[str, Any],
        *,
        before: bool = False,
        execution_policy: str | None = None,
    ) -> None:
        """
        Set what was not given: which tasks it is about, and what its templates see.

        :param before: whether it stands before the session.
        :param execution_policy: takes the place of the handler's.
        :raises InvalidConfigurationError: its phase is another: it would be skipped, and the session with it.
        """
        phases = _BEFORE if before else _AFTER
        if self.phase not in phases:
            raise InvalidConfigurationError(
                f"Task {self.task_id} stands {'before' if before else 'after'} the session, but its phase is "
                f"{self.phase}: give {' or '.join(phases)}, or move it."
            )
        if not self.tasks.data_task_ids:
            self.tasks = tasks
        if self.session is None:
            self.session = session
        self.execution_policy = execution_policy or self.execution_policy

    def run_step(self, context: Context) -> dict[str, Any]:
        status = Status("Succeeded", self._duration(context), retry_left=self._retries())
        if self.phase in _AFTER:
            states = self.tasks.states(context)
            reason = self.tasks.reason_to_skip(states, self.execution_policy)
            if reason:
                raise AirflowSkipException(reason)
            status = self._status(context, states)
        data = summary(self.session or {}, context["ti"].run_id, status)
        tls = tls_context(self.ca_certificate, insecure=self.insecure_tls)
        pod = self._pod() if self._handler.needs_pod else None
        done = run_handler(self._handler, data, pod=pod, timeout=self.timeout, tls=tls)
        return {"phase": status.phase, **done}

    def _pod(self) -> RunningPod | None:
        if self.target_pod is None:
            return None
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

        from airflow_provider_stash.operators.kubernetes_job import own_namespace

        hook = KubernetesHook(conn_id=self.target_pod.kubernetes_conn_id)
        return self.target_pod.find(hook.get_conn(), hook.get_namespace() or own_namespace() or "default")

    def _duration(self, context: Context) -> float:
        begin = context["dag_run"].start_date
        return (now() - begin).total_seconds() if begin else 0.0

    def _status(self, context: Context, states: Mapping[str, str]) -> Status:
        duration = self._duration(context)
        host = self.tasks.host_task_id
        if not self.tasks.failed(states):
            told = attempt(context, host) if host else {}
            return Status("Succeeded", duration, retry_left=told.get("retryLeft", self._retries()))
        failed = self.tasks.first_failed(states)
        if failed is None:
            return Status("Failed", duration, "what comes before the session failed")
        error = attempt(context, failed).get("error")
        return Status("Failed", duration, error or f"task {failed} failed: see its log")

    def _retries(self) -> int:
        dag, host = self.get_dag(), self.tasks.host_task_id
        return int(dag.get_task(host).retries or 0) if dag and host else 0
