import asyncio
import copy

import pytest

from tests.kubesim.access import Access
from tests.kubesim.objects import (
    JOBS,
    NAMESPACES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    STATEFUL_SETS,
    ApiError,
)
from tests.kubesim.store import Store

CONTAINER = {"name": "c", "image": "i"}


def in_loop(test):
    async def run():
        test(Store())

    return lambda: asyncio.run(run())


def pod(name="p", **metadata):
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": [CONTAINER]}}


def refused(code, work, *arguments, **keywords):
    with pytest.raises(ApiError) as caught:
        work(*arguments, **keywords)
    assert caught.value.code == code
    return str(caught.value)


@in_loop
def test_an_old_version_is_a_conflict(store):
    made = store.create(SECRETS, "default", {"metadata": {"name": "s"}, "stringData": {"k": "v"}})
    assert made["data"] == {"k": "dg=="}
    older = copy.deepcopy(made)
    changed = store.update(SECRETS, made, {**copy.deepcopy(made), "data": {}})
    assert int(changed["metadata"]["resourceVersion"]) > int(older["metadata"]["resourceVersion"])
    assert "has been modified" in refused(409, store.update, SECRETS, changed, older)


@in_loop
def test_what_is_refused(store):
    refused(404, store.create, PODS, "nowhere", pod())
    assert "lowercase RFC 1123" in refused(422, store.create, PODS, "default", pod("Not_Fit"))
    store.create(PODS, "default", pod())
    refused(409, store.create, PODS, "default", pod())
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": {"containers": [CONTAINER]}}}}
    assert "restartPolicy" in refused(422, store.create, JOBS, "default", job)
    mounts = {**CONTAINER, "volumeMounts": [{"name": "none", "mountPath": "/x"}]}
    assert "Not found" in refused(
        422, store.create, PODS, "default", {"metadata": {"name": "q"}, "spec": {"containers": [mounts]}}
    )


@in_loop
def test_a_pod_has_time_to_end_and_a_claim_template_never_changes(store):
    one = store.create(PODS, "default", pod())
    marked = store.delete(PODS, one, grace=None)
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
    store.delete(PODS, marked, grace=0)
    assert store.find(PODS, "default", "p") is None
    owner = store.create(STATEFUL_SETS, "default", {
        "metadata": {"name": "s"},
        "spec": {"serviceName": "s", "selector": {}, "template": {"spec": {"containers": [CONTAINER]}}},
    })  # fmt: skip
    changed = copy.deepcopy(owner)
    changed["spec"]["replicas"] = 0
    assert store.update(STATEFUL_SETS, owner, changed)["metadata"]["generation"] == 2
    current = store.get(STATEFUL_SETS, "default", "s")
    refused(
        422,
        store.update,
        STATEFUL_SETS,
        current,
        {**copy.deepcopy(current), "spec": {**current["spec"], "serviceName": "t"}},
    )


@in_loop
def test_rules_allow_what_they_name_and_no_more(store):
    access = Access(store, "admin-token")
    store.create(SERVICE_ACCOUNTS, "default", {"metadata": {"name": "a"}})
    rules = [
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "resourceNames": ["etcd"], "verbs": ["get"]}
    ]
    store.create(ROLES, "default", {"metadata": {"name": "r"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "a", "namespace": "default"}
    store.create(
        ROLE_BINDINGS, "default", {"metadata": {"name": "b"}, "roleRef": {"name": "r"}, "subjects": [subject]}
    )
    user = access.user(f"Bearer {access.issue('default', 'a')}")

    def allows(verb="get", group="apps", resource="statefulsets", namespace="default", name="etcd"):
        return access.allows(user, verb, group, resource, namespace=namespace, name=name)

    assert allows()
    assert not any([
        allows(verb="patch"), allows(group="batch"), allows(resource="statefulsets/scale"), allows(name="other"),
        allows(name=None), allows(namespace="kube-system"), allows(namespace=None),
    ])  # fmt: skip
    words = refused(
        403, access.require, user, "patch", STATEFUL_SETS, "scale", namespace="default", name="etcd"
    )
    assert (
        'cannot patch resource "statefulsets/scale" in API group "apps" in the namespace "default"' in words
    )
    refused(401, access.user, "Bearer wrong")
    assert access.user("Bearer admin-token").is_admin


@in_loop
def test_the_texts_of_a_secret_become_data_whenever_they_are_given(store):
    store.create(NAMESPACES, None, {"metadata": {"name": "n"}})
    made = store.create(SECRETS, "n", {"metadata": {"name": "s"}, "stringData": {"a": "1", "b": "2"}})
    assert made["data"] == {"a": "MQ==", "b": "Mg=="}
    changed = store.update(SECRETS, made, {**copy.deepcopy(made), "stringData": {"a": "3"}})
    assert changed["data"] == {"a": "Mw==", "b": "Mg=="}
    assert "stringData" not in changed
