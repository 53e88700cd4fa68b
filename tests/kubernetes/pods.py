"""Runs something in a Pod's container."""

from kubernetes.stream import stream


def run_in_pod(core, name, namespace, script, *, container=None, timeout=30):
    """Run a shell's script; gives what it wrote. The container may end by it."""
    given = {"container": container} if container else {}
    session = stream(
        core.connect_get_namespaced_pod_exec, name, namespace, command=["/bin/sh", "-c", script],
        stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False, **given,
    )  # fmt: skip
    try:
        session.run_forever(timeout=timeout)
        return session.read_stdout() + session.read_stderr()
    finally:
        session.sock.shutdown()
