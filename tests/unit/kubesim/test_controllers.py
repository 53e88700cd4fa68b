import asyncio

import pytest

from tests.kubesim.controllers import Controllers
from tests.kubesim.objects import PODS, STATEFUL_SETS, condition
from tests.kubesim.store import Store

CONTAINER = {"name": "c", "image": "i"}


def scaled_down(policy):
    """Make a StatefulSet of three, whose second and third are not ready, scale it to 0, and name what is ended."""

    async def run():
        store = Store()
        controllers = Controllers(store)
        template = {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [CONTAINER]}}
        spec = {"serviceName": "s", "selector": {"matchLabels": {"app": "s"}}, "template": template}
        body = {"metadata": {"name": "s"}, "spec": {**spec, "replicas": 3, "podManagementPolicy": policy}}
        store.create(STATEFUL_SETS, "default", body)
        for _ in range(3):
            controllers.step()
            for pod in store.all(PODS, "default"):
                store.set_status(PODS, pod, conditions=[condition("Ready", True)])
        for name in ("s-1", "s-2"):
            store.set_status(PODS, store.get(PODS, "default", name), conditions=[condition("Ready", False)])
        current = store.get(STATEFUL_SETS, "default", "s")
        store.update(STATEFUL_SETS, current, {**current, "spec": {**current["spec"], "replicas": 0}})
        for name in ("s-2", "s-1", "s-0"):  # one that is ended goes
            controllers.step()
            if (pod := store.find(PODS, "default", name)) and "deletionTimestamp" in pod["metadata"]:
                store.remove(PODS, pod)
        return sorted({"s-0", "s-1", "s-2"} - {pod["metadata"]["name"] for pod in store.all(PODS, "default")})

    return asyncio.run(run())


@pytest.mark.parametrize(("policy", "ended"), [("OrderedReady", []), ("Parallel", ["s-0", "s-1", "s-2"])])
def test_a_pod_that_is_not_ready_holds_up_a_scale_down_one_after_another(policy, ended):
    assert scaled_down(policy) == ended
