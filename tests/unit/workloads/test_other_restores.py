import os

import pytest

from airflow_provider_stash.exceptions import WorkloadError
from airflow_provider_stash.workloads.datadirs import DataDir
from airflow_provider_stash.workloads.other_restores import remove_other_restores, require_no_other


def other(path, key, when, *, old=True):
    data = DataDir(path, key)
    data.open_journal("m", was_running=True)
    if old:
        (data.old / "member").mkdir(parents=True)
    data.close_journal(rolled_back=not old)
    os.utime(data.aside, (when, when))
    return data


def left(path):
    return sorted(one.name for one in (path / ".stash").iterdir())


def test_old_data_goes_by_number_and_age(tmp_path):
    mine = [other(tmp_path, f"k{number}", 1000 + number) for number in range(5)][-1]
    assert [one.name for one in remove_other_restores(mine, keep=2, oldest=0)] == ["k1", "k0"]
    assert [one.name for one in remove_other_restores(mine, keep=9, oldest=1003)] == ["k2"]
    assert left(tmp_path) == ["k3", "k4"]


def test_what_holds_no_old_data_takes_no_place(tmp_path):
    other(tmp_path, "oldest", 1000)
    other(tmp_path, "old", 1001)
    for number in range(3):
        other(tmp_path, f"rolled-back-{number}", 1002 + number, old=False)
    mine = other(tmp_path, "mine", 2000)
    assert [one.name for one in remove_other_restores(mine, keep=1, oldest=0)] == ["oldest"]
    assert [one.name for one in remove_other_restores(mine, keep=1, oldest=1003)] == ["rolled-back-0", "old"]


def test_another_restore_in_the_middle_of_its_work(tmp_path):
    data = DataDir(tmp_path, "mine")
    require_no_other("m", data)
    data.open_journal("m", was_running=True)
    require_no_other("m", data)
    DataDir(tmp_path, "other").open_journal("m", was_running=True)
    with pytest.raises(
        WorkloadError, match="'m' is in the middle.*other was neither verified nor rolled back"
    ):
        require_no_other("m", data)
    DataDir(tmp_path, "other").close_journal(rolled_back=True)
    require_no_other("m", data)
