import pytest

from airflow_provider_stash.cli.sessions import parse_params
from airflow_provider_stash.exceptions import InvalidConfigurationError

pytestmark = pytest.mark.oldest


def test_values_are_json_else_text():
    given = [
        "keep_forever=true",
        'tags=["a"]',
        "snapshot=latest",
        "before=",
        "bump_revision=1e",
        "n=3",
        "x=a=b",
    ]
    assert parse_params(given) == {
        "keep_forever": True,
        "tags": ["a"],
        "snapshot": "latest",
        "before": "",
        "bump_revision": "1e",
        "n": 3,
        "x": "a=b",
    }


@pytest.mark.parametrize("wrong", ["tags", "=x", ""])
def test_what_has_no_name_or_value_is_refused(wrong):
    with pytest.raises(InvalidConfigurationError, match="NAME=VALUE"):
        parse_params([wrong])
