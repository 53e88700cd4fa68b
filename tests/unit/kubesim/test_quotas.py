import pytest

from tests.kubesim.objects import JOBS, PODS, ApiError
from tests.kubesim.quantities import quantity, written
from tests.kubesim.quotas import check


@pytest.mark.parametrize(
    ("text", "value"),
    [("64Mi", 64 << 20), ("1500m", 1.5), ("2", 2), (3, 3), ("1.5Gi", 1.5 * 2**30), ("1k", 1000)],
)
def test_quantities(text, value):
    assert quantity(text) == value


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("limits.memory", 64 << 20, "64Mi"), ("memory", 1000, "1000"), ("limits.memory", 0, "0"),
     ("requests.cpu", 1.5, "1500m"), ("cpu", 2, "2"), ("pods", 1, "1")],
)  # fmt: skip
def test_quantities_as_the_api_writes_them(name, value, text):
    assert written(name, value) == text


def pod(name, phase="Pending", **resources):
    container = {"name": "c", **({"resources": resources} if resources else {})}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}, "status": {"phase": phase}}


def refused(hard, thing, *others, resource=PODS):
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}}
    try:
        check([quota], resource, thing, lambda: others)
    except ApiError as error:
        return f"{error.code} {error}"
    return ""


@pytest.mark.parametrize(
    ("hard", "others", "said"),
    [
        ({"limits.memory": "96Mi"}, [], ""),
        ({"limits.memory": "64Mi", "pods": "1"}, [], ""),
        (
            {"limits.memory": "96Mi"},
            [pod("a", limits={"memory": "64Mi"})],
            "exceeded quota: q, requested: limits.memory=64Mi, used: limits.memory=64Mi, limited: limits.memory=96Mi",
        ),
        ({"limits.memory": "96Mi"}, [pod("a", "Succeeded", limits={"memory": "64Mi"})], ""),
        ({"pods": "1"}, [pod("a")], "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"),
        ({"requests.memory": "32Mi"}, [], "requested: requests.memory=64Mi, used: requests.memory=0"),
        ({"requests.cpu": "1", "limits.cpu": "1"}, [], "failed quota: q: must specify limits.cpu for: c; requests.cpu for: c"),
    ],
)  # fmt: skip
def test_pods(hard, others, said):
    told = refused(hard, pod("new", limits={"memory": "64Mi"}), *others)
    assert told.startswith('403 pods "new" is forbidden: ') if said else told == ""
    assert said in told


def test_objects_of_a_kind():
    job = {"metadata": {"name": "j"}}
    assert refused({"count/jobs.batch": "1"}, job, resource=JOBS) == ""
    assert refused({"count/jobs.batch": "1"}, job, job, resource=JOBS) == (
        '403 jobs.batch "j" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, '
        "limited: count/jobs.batch=1"
    )
