import pytest

from airflow_provider_stash.etcd.models import MemberStatus
from airflow_provider_stash.exceptions import EtcdError, EtcdNoLeaderError, EtcdUnavailableError
from airflow_provider_stash.steps import members
from airflow_provider_stash.steps.members import members_to_try

URL = "https://10.0.0.1:2379"
ALIVE = MemberStatus(URL, name="m0", id="1")
ELECTING = MemberStatus(URL, failure=EtcdNoLeaderError("etcdserver: leader changed"))
REFUSED = MemberStatus(URL, failure=EtcdUnavailableError("connection refused"))


class Client:
    """Gives these answers, one after another; the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def endpoint_status(self):
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time passes by sleeping alone."""
    seconds = [0.0]
    monkeypatch.setattr(members.time, "sleep", lambda pause: seconds.__setitem__(0, seconds[0] + pause))
    monkeypatch.setattr(members.time, "monotonic", lambda: seconds[0])
    return seconds


def test_an_election_is_waited_for():
    client = Client(ELECTING, ELECTING, ALIVE)
    assert next(members_to_try(client, [])) is ALIVE
    assert client.asked == 3


def test_an_election_without_end_is_not(clock):
    with pytest.raises(EtcdUnavailableError, match="leader changed"):
        next(members_to_try(Client(ELECTING), []))
    assert 10 < clock[0] < 12


def test_a_cluster_that_is_down_is_told_at_once(clock):
    with pytest.raises(EtcdUnavailableError, match="connection refused"):
        next(members_to_try(Client(REFUSED), []))
    assert clock[0] == 0


def test_once_more_when_all_failed_for_want_of_a_leader(clock):
    failures = []
    tried = []
    for member in members_to_try(Client(ALIVE), failures):
        tried.append(member)
        failures.append(EtcdUnavailableError("leader changed"))
    assert tried == [ALIVE, ALIVE]
    assert clock[0] == 3


def test_no_second_time_for_another_failure():
    failures = []
    for _ in members_to_try(Client(ALIVE), failures):
        failures.append(EtcdError("disk full"))
    assert len(failures) == 1
