import pytest

from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.models import MemberStatus
from airflow_provider_stash.exceptions import EtcdOtherMemberError
from airflow_provider_stash.steps import fetch

ALIVE = MemberStatus("http://lb:2379", id="a", cluster_id="c", leader="a", revision=7)
OTHERS = [
    MemberStatus("http://lb:2379", id=name, failure=EtcdOtherMemberError("is answered by another: a."))
    for name in "bc"
]


def live(monkeypatch, endpoints):
    monkeypatch.setattr(EtcdClient, "status", lambda self: [ALIVE, *OTHERS])
    return fetch._live(EtcdConfig(tuple(parse_endpoints(endpoints))))


def test_members_that_can_not_be_told_apart_are_not_stopped(monkeypatch):
    """As behind one address: no restore of them could be verified."""
    with pytest.raises(EtcdOtherMemberError, match="is answered by another: a.*no restore could be verified"):
        live(monkeypatch, "http://lb:2379")


def test_a_member_that_is_down_may_have_another_at_the_address_it_advertises(monkeypatch):
    """At localhost, say, where the endpoints name each member."""
    assert live(monkeypatch, "http://a:2379,http://b:2379,http://c:2379")["alive"] == 1
