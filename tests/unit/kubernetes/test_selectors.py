import pytest

from airflow_provider_stash.kubernetes.selectors import selects

LABELS = {"app": "etcd", "tier": "data"}


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "etcd"}}, True),
        ({"matchLabels": {"app": "etcd", "tier": "web"}}, False),
        (expression("app", "In", "etcd", "consul"), True),
        (expression("app", "In", "consul"), False),
        (expression("app", "NotIn", "consul"), True),
        (expression("app", "NotIn", "etcd"), False),
        (expression("zone", "NotIn", "a"), True),
        (expression("zone", "Exists"), False),
        (expression("tier", "Exists"), True),
        (expression("zone", "DoesNotExist"), True),
        (expression("tier", "DoesNotExist"), False),
        ({"matchLabels": {"app": "etcd"}, **expression("tier", "In", "web")}, False),
        ({"matchLabels": {"app": "web"}, **expression("tier", "In", "data")}, False),
    ],
)
def test_what_is_selected(selector, wanted):
    assert selects(selector, LABELS) is wanted
