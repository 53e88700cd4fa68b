"""Namespaces that are ready to be used."""

from kubernetes.client import ApiException

from testbed.process import wait_until

_SECONDS = 60
_POD = {"metadata": {"name": "first"}, "spec": {"containers": [{"name": "c", "image": "none:1"}]}}


def make_namespace(core, name):
    """Make a namespace, and wait until it takes Pods: its service account comes a moment later."""
    core.create_namespace({"metadata": {"name": name}})

    def takes_pods():
        try:
            core.create_namespaced_pod(name, _POD, dry_run="All")
        except ApiException as error:
            if error.status not in {403, 500}:
                raise
            return False
        return True

    wait_until(takes_pods, f"{name} takes Pods", _SECONDS)
