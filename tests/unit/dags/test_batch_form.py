import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_provider_stash.dags.batch_form import may_restore

pytestmark = pytest.mark.oldest


def begin(phrase="both", **params):
    may_restore("first", phrase)(
        {"params": {"dry_run": False, "confirm": None, "first.restore": True, **params}}
    )


def test_a_member_begins_when_the_batch_is_named_or_nothing_is_changed():
    begin(confirm="both")
    begin(dry_run=True)
    begin(phrase=None)
    with pytest.raises(AirflowFailException, match="type both into"):
        begin()


def test_a_member_that_is_turned_off_is_skipped():
    with pytest.raises(AirflowSkipException, match="first was turned off"):
        begin(confirm="both", **{"first.restore": False})
    with pytest.raises(AirflowFailException):
        begin(**{"first.restore": False})
