"""Runs one step of a restore in a process of its own, which a test can kill."""

import pickle
import subprocess
import sys
from pathlib import Path


def start(file, workload, job, namespace, kubeconfig, call):
    """Start the process; ``call``: method of the workload, and its arguments."""
    given = (workload, job, namespace, str(kubeconfig), call)
    Path(file).write_bytes(pickle.dumps(given))
    return subprocess.Popen([sys.executable, __file__, str(file)], cwd=Path(__file__).parents[3])


def main(file):
    from kubernetes import config

    workload, job, namespace, kubeconfig, (method, arguments, keywords) = pickle.loads(
        Path(file).read_bytes()
    )
    connected = workload.connected(config.new_client_from_config(kubeconfig), job, namespace)
    getattr(connected, method)(*arguments, **keywords)


if __name__ == "__main__":
    main(sys.argv[1])
