import pytest

from airflow_provider_stash.etcd.tools import EtcdTool
from airflow_provider_stash.exceptions import EtcdToolError, InvalidConfigurationError, WorkloadError
from airflow_provider_stash.steps.plan import (
    BUMP_AT_LEAST,
    choose_bump,
    count_lost,
    describe,
    require_same_members,
)

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
        "live": {
            "members": [
                {"name": f"m{one}", "endpoint": f"http://m{one}:2379", "error": "" if one < alive else "gone"}
                for one in range(3)
            ],
            "alive": alive,
            "revision": live,
            "clusterID": "c1",
        },
        "rehearsal": {"version": "3.5.16", "revision": 400},
        "warnings": [],
        "bumpRevision": 600,
        "expectedRevision": 1000,
    }


def test_the_bump_is_the_last_known_revision_and_a_fifth_but_leaves_room_to_wait_for_approval():
    assert choose_bump("auto", NEW, plan()) == BUMP_AT_LEAST
    assert choose_bump("auto", NEW, plan(live=None, alive=0)) == BUMP_AT_LEAST
    assert choose_bump("auto", NEW, plan(live=5 * BUMP_AT_LEAST)) == 6 * BUMP_AT_LEAST
    later = {**plan(live=1), "revision": 5 * BUMP_AT_LEAST}  # never behind the snapshot's own
    assert choose_bump("auto", NEW, later) == 6 * BUMP_AT_LEAST


def seen(*running):
    return {
        "members": [{"name": f"m{n}", "dataDir": f"/d{n}", "running": one} for n, one in enumerate(running)]
    }


@pytest.mark.parametrize(
    ("alive", "checked"),
    [(3, seen(True, True, True)), (2, seen(True, True, False)), (0, seen(False, False, False)), (3, {})],
    ids=["all run", "one is down", "all are down", "a StatefulSet"],
)
def test_what_answers_is_what_would_be_stopped(alive, checked):
    require_same_members(plan(alive=alive)["live"], checked)


def test_a_data_dir_on_which_nothing_runs_though_the_member_answers_is_refused():
    with pytest.raises(WorkloadError, match=r"runs on /d2 \(member m2\).*Nothing was stopped"):
        require_same_members(plan()["live"], seen(True, True, False))
    live = plan()["live"]
    for one in live["members"]:
        one["name"] = ""  # no leader, or the list is denied
    with pytest.raises(WorkloadError, match="3 members answer.*/d0 .*/d1 .*/d2 "):
        require_same_members(live, seen(False, False, False))


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


def told(one):
    one["lost"] = count_lost(one)
    return describe(one)


def test_a_person_is_told_what_will_be_lost_before_all_else():
    lines = told(plan())
    assert lines[0].startswith("Lost: 100 revisions, all that was written in the last ")
    assert "since 2026-01-01T00:00:00Z" in lines[0]
    text = "\n".join(lines)
    assert "Snapshot: aaaaaaaa of 2026-01-01T00:00:00Z (" in text
    assert (
        "revision 400, 7 keys, 2.0 KiB. It is downloaded and its sha256 is right, and an etcd 3.5.16 has"
        in text
    )
    assert "Members: 3 of 3 are alive, at revision 500." in text
    assert "moved on by 600 to 1000" in text
    assert "it is put back" in text
    assert all(": " in line for line in lines)


def test_who_is_down_is_named():
    assert "Members: 2 of 3 are alive, at revision 500. Not answering: m2." in told(plan(alive=2))


def test_a_dead_cluster_and_another_cluster_are_told():
    dead = "\n".join(told(plan(live=None, alive=0)))
    assert "Members: none of 3 is alive." in dead
    assert "How many revisions that are is not known" in dead
    other = plan()
    other["clusterID"] = "c2"
    assert "Warning: the snapshot is of cluster c2, the live one is c1" in "\n".join(told(other))


def test_a_snapshot_that_was_not_tried_is_not_said_to_have_been():
    one = plan()
    one["rehearsal"] = None
    one["warnings"] = ["The snapshot was not tried."]
    lines = told(one)
    assert "has opened" not in "\n".join(lines)
    assert lines[-1] == "Warning: The snapshot was not tried."
