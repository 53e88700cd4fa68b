import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.keys import add_key, change_password
from airflow_provider_stash.restic.repository import Repository


@pytest.mark.parametrize("password", ["", " ", "two\n", " two", "two\t", "two\u00a0"])
@pytest.mark.parametrize("change", [add_key, change_password])
def test_a_password_that_restic_would_strip_is_refused_before_it_locks_everybody_out(change, password):
    with pytest.raises(InvalidConfigurationError, match="white space"):
        change(Repository("/nowhere", "one", restic="/not/there"), password)
