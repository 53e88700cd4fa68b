import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, NotificationError
from airflow_provider_stash.notifications import Memory, Word, check_notifiers, tell
from tests.unit.notified import SENT, Broken, Recorder, keep_variables

WORD = Word("failed", "Backup failed", "It failed.", "d", "r")


@pytest.fixture(autouse=True)
def _nothing_sent():
    SENT.clear()


def test_a_notifiers_templates_find_the_word_and_it_can_send_another():
    one = Recorder("{{ stash.subject }} in {{ stash.run_id }} of {{ stash.dag_id }}, {{ owner }}")
    for run in ("r1", "r2"):
        tell([one], {"owner": "db"}, Word("failed", "Backup failed", "", "d", run))
    assert SENT == ["Backup failed in r1 of d, db", "Backup failed in r2 of d, db"]


def test_one_that_fails_keeps_no_other_from_it():
    tell([Broken(), Recorder()], {}, WORD)
    assert SENT == ["failed: It failed."]


def test_that_none_could_send_is_an_error():
    with pytest.raises(NotificationError, match="'Backup failed'.*Broken: no route to Slack"):
        tell([Broken()], {}, WORD)


def test_what_is_no_notifier_is_refused_when_the_dag_is_parsed():
    assert len(check_notifiers(Recorder())) == 1
    with pytest.raises(InvalidConfigurationError, match="notify holds 'ops@example.com'"):
        check_notifiers(["ops@example.com"])


def test_the_memory_is_a_variable_while_something_is_wrong(monkeypatch):
    kept = keep_variables(monkeypatch)
    memory = Memory("d")
    assert memory.read() == {}
    memory.write({"a": 1}, before={})
    assert kept == {"stash_told_d": {"a": 1}}
    memory.write({}, before=memory.read())
    assert kept == {}
    memory.write({}, before={})
