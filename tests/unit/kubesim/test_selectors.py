import pytest

from tests.kubesim.selectors import fields_match, labels_match, selected

LABELS = {"app": "etcd", "tier": "db"}


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (None, True),
        ("app=etcd", True),
        ("app==etcd,tier=db", True),
        ("app=etcd,tier=web", False),
        ("app!=web", True),
        ("app in (web, etcd)", True),
        ("app notin (web, etcd)", False),
        ("tier", True),
        ("!tier", False),
        ("!zone,app in (etcd),tier", True),
    ],
)
def test_labels(selector, fits):
    assert labels_match(selector, LABELS) is fits


def test_fields():
    pod = {"metadata": {"name": "p"}, "status": {"phase": "Running"}}
    assert fields_match("metadata.name=p,status.phase!=Failed", pod)
    assert not fields_match("status.phase=Failed", pod)
    assert not fields_match("nonsense", pod)


def test_an_empty_selector_selects_nothing():
    assert not selected({}, LABELS)
    assert selected({"app": "etcd"}, LABELS)
