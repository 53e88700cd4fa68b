import pytest

from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import EtcdToolError, InvalidConfigurationError
from airflow_provider_stash.steps.plan import BUMP_UNKNOWN, choose_bump, count_lost, describe

NEW, OLD = EtcdTool("etcdutl", (3, 5, 16)), EtcdTool("etcdutl", (3, 5, 1))


def plan(live=500, alive=3):
    return {
        "snapshot": "a" * 64,
        "time": "2026-01-01T00:00:00Z",
        "hostname": "host-0",
        "revision": 400,
        "keyCount": 7,
        "totalSize": 2048,
        "clusterID": "c1",
        "live": {"members": [{}, {}, {}], "alive": alive, "revision": live, "clusterID": "c1"},
        "warnings": [],
        "bumpRevision": 600,
        "expectedRevision": 1000,
    }


def test_the_bump_is_the_last_known_revision_and_a_fifth():
    assert choose_bump("auto", NEW, plan()) == 600
    assert choose_bump("auto", NEW, plan(live=None, alive=0)) == BUMP_UNKNOWN
    assert choose_bump("auto", NEW, plan(live=1)) == 480  # never behind the snapshot's own


def test_the_bump_can_be_named_or_left():
    assert choose_bump("off", OLD, plan()) == 0
    assert choose_bump("0", OLD, plan()) == 0
    assert choose_bump("12", NEW, plan()) == 12


def test_a_tool_that_does_not_know_it():
    one = plan()
    assert choose_bump("auto", OLD, one) == 0
    assert "Revisions will go back" in one["warnings"][0]
    with pytest.raises(EtcdToolError, match="does not know --bump-revision"):
        choose_bump("12", OLD, plan())


@pytest.mark.parametrize("wanted", ["much", "-1"])
def test_a_bump_that_can_not_be_meant(wanted):
    with pytest.raises(InvalidConfigurationError):
        choose_bump(wanted, NEW, plan())


def test_a_person_is_told_what_will_be_lost():
    one = plan()
    one["lost"] = count_lost(one)
    text = "\n".join(describe(one))
    assert one["lost"]["revisions"] == 100
    assert "gives up 100 revisions" in text
    assert "revision 400, 7 keys, 2.0 KiB" in text
    assert "moved on by 600 to 1000" in text
    assert "put back" in text


def test_a_dead_cluster_and_another_cluster_are_told():
    dead = plan(live=None, alive=0)
    dead["lost"] = count_lost(dead)
    assert "No member is alive" in "\n".join(describe(dead))
    other = plan()
    other["clusterID"], other["lost"] = "c2", count_lost(other)
    assert "another cluster" in "\n".join(describe(other))
