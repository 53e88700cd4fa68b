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


@pytest.mark.parametrize(
    "fields",
    [
        {"keepTags": "important"},  # its letters would be kept, and what is tagged so removed
        {"keepTags": [""]},
        {"keepTags": [5]},
        {"prune": "false"},
        {"dryRun": "no"},
        {"dryRun": 1},
    ],
)
def test_what_restic_would_take_for_something_else_is_refused_by_name(fields):
    with pytest.raises(InvalidConfigurationError, match=r"keep_tags|prune|dry_run"):
        RetentionPolicy.from_stash({"keepLast": 5} | fields)


def test_a_policy_in_stashs_names_and_back():
    policy = RetentionPolicy.from_stash({"keepLast": 5, "keepTags": ["a"], "prune": True})
    assert policy.to_stash() == {"keepLast": 5, "keepTags": ["a"], "prune": True}
    assert RetentionPolicy.from_stash(policy.to_stash()).arguments() == policy.arguments()
