import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.retention import RetentionPolicy


def test_stashs_names_are_read():
    policy = RetentionPolicy.from_stash(
        {
            "name": "keep-last-5",
            "keepLast": 5,
            "keepDaily": 7,
            "keepTags": ["a"],
            "prune": True,
            "dryRun": True,
        }
    )
    assert policy == RetentionPolicy(keep_last=5, keep_daily=7, keep_tags=["a"], prune=True, dry_run=True)
    assert policy.keeping("b").arguments() == [
        "--keep-last=5",
        "--keep-daily=7",
        "--keep-tag=a",
        "--keep-tag=b",
    ]


@pytest.mark.parametrize(
    "fields", [{}, {"keepLast": 0}, {"keepLast": -1}, {"keepLast": "5"}, {"keeplast": 5}]
)
def test_a_policy_that_keeps_nothing_or_is_misspelt_is_refused(fields):
    with pytest.raises(InvalidConfigurationError):
        RetentionPolicy.from_stash(fields)


def test_a_policy_in_stashs_names_and_back():
    policy = RetentionPolicy.from_stash({"keepLast": 5, "keepTags": ["a"], "prune": True})
    assert policy.to_stash() == {"keepLast": 5, "keepTags": ["a"], "prune": True}
    assert RetentionPolicy.from_stash(policy.to_stash()).arguments() == policy.arguments()
