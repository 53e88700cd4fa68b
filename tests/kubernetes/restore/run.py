"""A run of a DAG without an Airflow around it: what its tasks ask of it, and a worker for one task that can be killed."""

import asyncio
import copy
import multiprocessing
import os
import secrets
import signal
from types import SimpleNamespace

from airflow.sdk.exceptions import TaskDeferred

# A process that has loaded what tasks need, and has no threads: workers are forked from it at no cost.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "airflow_provider_stash.dags",
        "airflow_provider_stash.operators.approval",
        "airflow_provider_stash.operators.kubernetes_job",
        "airflow_provider_stash.operators.kubernetes_workload",
        "kubernetes.client",
        __name__,
    ]
)


class Run:
    """
    Runs tasks one by one, as Airflow would: fields rendered, results kept for later tasks.

    :param make: makes the DAG; a function of a module, as a worker makes it again.
    :param arguments: of that function.
    """

    def __init__(self, make, arguments):
        self.make, self.arguments = make, arguments
        self.dag = make(**arguments)
        self.run_id = f"manual__{secrets.token_hex(4)}"
        self.results = {}

    def execute(self, task_id):
        """Execute a task to its end, also if it is deferred on the way; gives its result, and keeps it."""
        task, context = self._prepared(task_id)
        try:
            result = task.execute(context)
        except TaskDeferred as deferred:
            result = task.execute_complete(context, asyncio.run(_first_event(deferred.trigger)))
        self.results[task_id] = result
        return result

    def _prepared(self, task_id):
        task = copy.copy(self.dag.get_task(task_id))
        ti = SimpleNamespace(
            dag_id=self.dag.dag_id,
            task_id=task_id,
            run_id=self.run_id,
            map_index=-1,
            try_number=1,
            max_tries=0,
            xcom_push=lambda **_: None,
            xcom_pull=lambda *, task_ids, **_: self.results.get(task_ids),
            get_task_states=lambda **_: {self.run_id: dict.fromkeys(self.results, "success")},
        )
        context = {
            "ti": ti,
            "params": self.dag.params.dump(),
            "run_id": self.run_id,
            "outlet_events": _Events(),
        }
        task.render_template_fields(context)
        return task, context

    def worker(self, task_id):
        """Start a task in a process of its own; SIGTERM kills the task as Airflow does, SIGKILL the worker."""
        state = (self.make, self.arguments, self.run_id, self.results)
        connections = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_")}
        process = _FORKS.Process(target=_work, args=(state, task_id, connections))
        process.start()
        return process


class _Events(dict):
    def __missing__(self, key):
        self[key] = SimpleNamespace(extra=None)
        return self[key]


async def _first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def _work(state, task_id, connections):
    os.environ.update(connections)
    make, arguments, run_id, results = state
    run = Run(make, arguments)
    run.run_id, run.results = run_id, results
    task, context = run._prepared(task_id)
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    task.execute(context)
