import pytest

from airflow_provider_stash.kubernetes.jobs import is_of_failed_try
from airflow_provider_stash.kubernetes.manifests import TRY


def job(condition=None, tried=None):
    conditions = [] if condition is None else [{"type": condition, "status": "True"}]
    return {
        "metadata": {"annotations": {} if tried is None else {TRY: tried}},
        "status": {"conditions": conditions},
    }


@pytest.mark.parametrize(
    ("condition", "tried", "wanted", "anew"),
    [
        ("Failed", "1", "2", True),
        ("Failed", "1", "1", False),
        ("Failed", None, "1", True),
        ("Failed", None, None, True),
        ("Complete", "1", "2", False),
        (None, "1", "2", False),
    ],
)
def test_only_a_failed_job_of_another_try_is_started_anew(condition, tried, wanted, anew):
    assert is_of_failed_try(job(condition, tried), job(tried=wanted)) is anew
