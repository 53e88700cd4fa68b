import errno
import os
from pathlib import Path

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, NoSpaceError, WorkloadError
from airflow_provider_stash.workloads.base import FillRequest, restore_key
from airflow_provider_stash.workloads.datadirs import DataDir, check_space
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember


def member(tmp_path, **given):
    return ProcessMember(
        **{
            "name": "m",
            "data_dir": str(tmp_path / "d"),
            "peer_urls": "http://h:2380",
            "stop": ["true"],
            "start": ["true"],
            **given,
        }
    )


@pytest.mark.parametrize(
    "given",
    [{"stop": "systemctl stop etcd"}, {"start": []}, {"name": ""}, {"data_dir": "d"}, {"peer_urls": ""}],
)
def test_a_member_that_can_not_be_meant_is_refused(tmp_path, given):
    with pytest.raises(InvalidConfigurationError, match="Member"):
        member(tmp_path, **given)


def test_members_must_differ(tmp_path):
    with pytest.raises(InvalidConfigurationError, match="same name"):
        ProcessWorkload([member(tmp_path), member(tmp_path, data_dir="/x")])
    with pytest.raises(InvalidConfigurationError, match="same data_dir"):
        ProcessWorkload([member(tmp_path), member(tmp_path, name="n")])
    with pytest.raises(InvalidConfigurationError, match="at least one"):
        ProcessWorkload([])


def test_a_program_that_is_not_there_is_told_before_anything_is_stopped(tmp_path):
    with pytest.raises(WorkloadError, match="'no-such-program'.*Nothing was stopped"):
        member(tmp_path, stop=["no-such-program"]).check("k")


def test_a_log_elsewhere_is_refused(tmp_path):
    (tmp_path / "d" / "member" / "snap").mkdir(parents=True)
    with pytest.raises(WorkloadError, match="--wal-dir"):
        member(tmp_path).check("k")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_dir_that_can_not_be_written(tmp_path):
    (tmp_path / "d").mkdir(mode=0o500)
    with pytest.raises(WorkloadError, match="can't be written"):
        member(tmp_path).check("k")


def test_a_full_disk_is_told_before_anything_is_stopped(tmp_path):
    with pytest.raises(NoSpaceError, match="Nothing was stopped"):
        check_space([tmp_path], 1 << 60)


def test_members_that_were_not_stopped_are_not_started(tmp_path):
    with pytest.raises(WorkloadError, match="was not stopped by this restore"):
        ProcessWorkload([member(tmp_path)]).start(key="k")


def test_a_roll_back_of_nothing_does_nothing(tmp_path):
    assert ProcessWorkload([member(tmp_path, start=["false"])]).roll_back(key="k") == [
        {"name": "m", "rolledBack": False, "running": False}
    ]


def test_members_are_stopped_in_turn(tmp_path, monkeypatch):
    """A leader hands over when it is stopped, to a member that stays."""
    said = tmp_path / "said"
    monkeypatch.setattr(ProcessMember, "in_use", lambda self: Path(self.data_dir, "running").exists())
    members = []
    for name in ("first", "second"):
        data = tmp_path / name
        (data / "member" / "snap").mkdir(parents=True)
        (data / "running").touch()
        stop = f"echo stop {name} >> {said}; sleep 0.2; echo {name} is gone >> {said}; rm {data}/running"
        members.append(member(tmp_path, name=name, data_dir=str(data), stop=["sh", "-c", stop]))
    ProcessWorkload(members).stop(key="k")
    assert said.read_text().splitlines() == ["stop first", "first is gone", "stop second", "second is gone"]


def test_a_member_that_hangs_does_not_keep_the_next_from_its_stop(tmp_path, monkeypatch):
    monkeypatch.setattr("airflow_provider_stash.workloads.process._TURN_SECONDS", 0.1)
    monkeypatch.setattr(ProcessMember, "in_use", lambda self: self.name == "hangs")
    for name in ("hangs", "next"):
        (tmp_path / name / "member" / "snap").mkdir(parents=True)
    stopped = tmp_path / "stopped"
    hangs = member(tmp_path, name="hangs", data_dir=str(tmp_path / "hangs"))
    next_one = member(tmp_path, name="next", data_dir=str(tmp_path / "next"), stop=["touch", str(stopped)])
    with pytest.raises(WorkloadError, match="'hangs' still runs"):
        ProcessWorkload([hangs, next_one], stop_timeout=0.2).stop(key="k")
    assert stopped.exists()


def test_an_accepted_restore_is_neither_repeated_nor_undone(tmp_path):
    (tmp_path / "d" / "member" / "snap").mkdir(parents=True)
    workload = ProcessWorkload([member(tmp_path, start=["false"])])
    workload.stop(key="k")
    data = workload.members[0].data("k")
    (data.prepare_new() / "member").mkdir(parents=True)
    data.swap()
    workload.accept(key="k")
    assert workload.roll_back(key="k") == [{"name": "m", "rolledBack": False, "running": False}]
    assert (data.old / "member").exists()
    with pytest.raises(WorkloadError, match="trigger a new run"):
        workload.fill(FillRequest(tmp_path / "s.db", 1, "t"), key="k")


@pytest.fixture
def swap(tmp_path):
    """Make a workload of one member, of which each restore is begun by this."""
    (tmp_path / "d" / "member" / "wal").mkdir(parents=True)
    workload = ProcessWorkload([member(tmp_path)])

    def one(key):
        workload.stop(key=key)
        data = workload.members[0].data(key)
        (data.prepare_new() / "member" / "wal").mkdir(parents=True)
        data.swap()
        return data

    return workload, one


def clean_up(workload, key):
    return [one["path"] for one in workload.remove_old_data(key=key, keep_restores=1, keep_days=0)]


def test_a_single_task_of_a_run_that_was_rolled_back_is_refused(swap):
    workload, one = swap
    one("k")
    workload.roll_back(key="k")
    with pytest.raises(WorkloadError, match="rolled back.*clear stop_members, too, and fill_members"):
        workload.start(key="k")


def test_only_a_restore_that_was_verified_removes_the_old_data_of_others(swap):
    workload, one = swap
    first = one("first")
    workload.accept(key="first")
    assert clean_up(workload, "a-dry-run") == []
    one("rolled-back")
    assert clean_up(workload, "rolled-back") == []
    workload.roll_back(key="rolled-back")
    assert clean_up(workload, "rolled-back") == []
    assert (first.old / "member").exists()
    one("in the middle")
    assert clean_up(workload, "first") == []
    workload.roll_back(key="in the middle")
    one("good")
    workload.accept(key="good")
    assert clean_up(workload, "good") == [
        str(first.aside.with_name(name)) for name in ("in the middle", "rolled-back", "first")
    ]


def test_old_data_that_was_not_put_back_is_safe_from_other_restores(swap):
    workload, one = swap
    data = one("first")
    with pytest.raises(WorkloadError, match="in the middle of another restore.*Nothing was stopped"):
        workload.check(key="second", snapshot_size=1, etcd_version="")
    with pytest.raises(WorkloadError, match="in the middle of another restore.*Nothing was stopped"):
        workload.stop(key="second")
    workload.roll_back(key="second")
    assert (data.old / "member").exists()
    workload.roll_back(key="first")
    workload.check(key="second", snapshot_size=1, etcd_version="")


def test_what_another_restore_has_stopped_is_not_started_by_one_that_ended(swap):
    workload, one = swap
    one("first")
    workload.roll_back(key="first")
    one("second")
    assert workload.roll_back(key="first") == []


def test_a_start_that_failed_after_the_roll_back_is_tried_again_and_keeps_no_restore_from_it(
    tmp_path, monkeypatch
):
    """As of a cluster that was broken before, which is why it was to be restored."""
    (tmp_path / "d" / "member" / "wal").mkdir(parents=True)
    monkeypatch.setattr(ProcessMember, "in_use", lambda self: False)
    workload = ProcessWorkload([member(tmp_path, start=["false"])])
    workload.members[0].data("first").open_journal("m", was_running=True)
    for _ in range(2):
        with pytest.raises(WorkloadError, match="was not started"):
            workload.roll_back(key="first")
    workload.stop(key="second")


@pytest.mark.parametrize("step", ["stop", "fill", "start", "roll_back"])
def test_a_task_of_a_verified_restore_that_is_cleared_changes_nothing(swap, tmp_path, step):
    workload, one = swap
    data = one("k")
    workload.accept(key="k")
    if step == "roll_back":
        workload.roll_back(key="k")
    else:
        with pytest.raises(WorkloadError, match=r"(?i)nothing was (stopped or )?changed"):
            if step == "fill":
                workload.fill(FillRequest(tmp_path / "s.db", 1, "t"), key="k")
            else:
                getattr(workload, step)(key="k")
    assert (data.done, data.open) == (True, False)
    assert (data.old / "member").exists()


def test_a_verification_that_was_cut_at_its_end_is_taken_as_good(tmp_path):
    """One member must not go back alone."""
    members = [member(tmp_path, name=name, data_dir=str(tmp_path / name)) for name in ("a", "b")]
    workload = ProcessWorkload(members)
    for one in members:
        (tmp_path / one.name / "member" / "wal").mkdir(parents=True)
    workload.stop(key="k")
    for one in members:
        data = one.data("k")
        (data.prepare_new() / "member" / "wal").mkdir(parents=True)
        data.swap()
    members[0].data("k").close_journal()  # killed here
    assert [one["rolledBack"] for one in workload.roll_back(key="k")] == [False, False]
    assert all(one.data("k").done for one in members)


def test_a_roll_back_stops_every_member_that_was_swapped(tmp_path):
    """One that is just starting holds no lock yet, and would open the data while it is swapped back."""
    (tmp_path / "d" / "member" / "snap").mkdir(parents=True)
    stopped = tmp_path / "stopped"
    workload = ProcessWorkload([member(tmp_path, stop=["touch", str(stopped)])])
    workload.stop(key="k")
    data = workload.members[0].data("k")
    (data.prepare_new() / "member").mkdir(parents=True)
    data.swap()
    stopped.unlink()
    assert workload.roll_back(key="k")[0]["rolledBack"] is True
    assert stopped.exists()


def test_a_member_that_can_not_be_stopped_keeps_no_other_from_the_way_back(tmp_path, monkeypatch):
    started = tmp_path / "started"
    monkeypatch.setattr(ProcessMember, "in_use", lambda self: Path(self.data_dir, "running").exists())
    members = []
    for name in ("a", "hangs", "broken"):
        data = tmp_path / name
        (data / "member" / "wal").mkdir(parents=True)
        (data / "running").touch()
        stop = ["true"] if name == "hangs" else ["rm", "-f", f"{data}/running"]
        start = ["sh", "-c", f"touch {data}/running; echo {name} >> {started}"]
        members.append(member(tmp_path, name=name, data_dir=str(data), stop=stop, start=start))
    workload = ProcessWorkload(members, stop_timeout=0.1)
    for one in members:
        data = one.data("k")
        data.open_journal(one.name, was_running=True)
        (data.prepare_new() / "member" / "wal").mkdir(parents=True)
        data.swap()
    (members[2].data("k").aside / "failed").touch()  # where the restored data would go
    with pytest.raises(WorkloadError, match="'hangs' still runs.*'broken'"):
        workload.roll_back(key="k")
    assert started.read_text() == "a\n"
    assert [one.data("k").open for one in members] == [False, True, True]
    (members[1].data("k").path / "running").unlink()
    (members[2].data("k").aside / "failed").unlink()
    workload.roll_back(key="k")
    assert sorted(started.read_text().split()) == ["a", "broken", "hangs"]
    assert not any((one.data("k").old / "member").exists() for one in members)


def test_a_member_that_runs_again_before_its_data_is_back_is_told(tmp_path, monkeypatch):
    """Its supervisor was quicker; all others are back."""
    members = []
    for name in ("a", "again"):
        (tmp_path / name / "member" / "wal").mkdir(parents=True)
        members.append(member(tmp_path, name=name, data_dir=str(tmp_path / name)))
    workload = ProcessWorkload(members)
    for one in members:
        data = one.data("k")
        data.open_journal(one.name, was_running=False)
        (data.prepare_new() / "member" / "wal").mkdir(parents=True)
        data.swap()
    monkeypatch.setattr(ProcessWorkload, "_stop", lambda self, members: None)
    monkeypatch.setattr(ProcessMember, "in_use", lambda self: self.name == "again")
    with pytest.raises(WorkloadError, match="'again' runs on the restored data"):
        workload.roll_back(key="k")
    assert [one.data("k").open for one in members] == [False, True]


def test_a_member_whose_disk_fails_keeps_no_other_from_the_way_back(tmp_path, monkeypatch):
    started = tmp_path / "started"
    members = []
    for name in ("broken", "good"):
        (tmp_path / name / "member" / "wal").mkdir(parents=True)
        start = ["sh", "-c", f"echo {name} >> {started}"]
        members.append(member(tmp_path, name=name, data_dir=str(tmp_path / name), start=start))
        members[-1].data("k").open_journal(name, was_running=True)
    real = DataDir.close_journal

    def close(self, **given):
        if self.path.name == "broken":
            raise OSError(errno.EROFS, "Read-only file system")
        real(self, **given)

    monkeypatch.setattr(DataDir, "close_journal", close)
    with pytest.raises(WorkloadError, match="'broken': .*Read-only file system"):
        ProcessWorkload(members, start_timeout=0.1).roll_back(key="k")
    assert started.read_text() == "good\n"


def test_a_member_that_does_not_start_is_named(tmp_path):
    workload = ProcessWorkload(
        [member(tmp_path, start=["sh", "-c", "echo no licence >&2; exit 2"])], start_timeout=1
    )
    workload.stop(key="k")
    data = workload.members[0].data("k")
    (data.prepare_new() / "member").mkdir(parents=True)
    with pytest.raises(WorkloadError, match="'m' was not started.*no licence"):
        workload.start(key="k")


def test_a_start_that_leaves_nothing_running_is_no_start(tmp_path):
    workload = ProcessWorkload([member(tmp_path)], start_timeout=0.2)
    workload.stop(key="k")
    data = workload.members[0].data("k")
    (data.prepare_new() / "member").mkdir(parents=True)
    with pytest.raises(WorkloadError, match="not running"):
        workload.start(key="k")


def test_keys_are_fit_for_file_names_and_tell_runs_apart():
    one = restore_key("dag", "manual__2026-11-23T20:55:28+00:00_x/y")
    assert one.startswith("manual-2026-11-23T20-55-28-00-00-x-y-")
    assert one != restore_key("other", "manual__2026-11-23T20:55:28+00:00_x/y")
    assert len(restore_key("d", "x" * 500)) < 80
