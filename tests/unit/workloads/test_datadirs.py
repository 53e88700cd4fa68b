import os
import stat

import pytest

from airflow_provider_stash.workloads.datadirs import DataDir


def make(path, text):
    path.mkdir(parents=True)
    (path / "db").write_text(text)


@pytest.fixture
def data(tmp_path):
    make(tmp_path / "d" / "member", "old")
    return DataDir(tmp_path / "d", "key")


def fill(data, text="new"):
    make(data.prepare_new() / "member", text)
    data.adopt_new()


def content(data):
    return (data.member / "db").read_text()


def test_there_and_back(data):
    data.open_journal("m", was_running=True)
    fill(data)
    assert content(data) == "old"
    data.swap()
    assert (content(data), data.swapped, data.filled) == ("new", True, False)
    assert data.swap_back() is True
    assert (content(data), data.swapped) == ("old", False)
    assert (data.failed / "member" / "db").read_text() == "new"
    assert data.swap_back() is False


def test_a_swap_that_was_cut_in_the_middle_goes_on(data):
    data.open_journal("m", was_running=True)
    fill(data)
    data.old.mkdir()
    data.member.rename(data.old / "member")  # killed here
    data.swap()
    assert content(data) == "new"


def test_a_swap_that_was_cut_in_the_middle_is_undone(data):
    data.open_journal("m", was_running=True)
    fill(data)
    data.old.mkdir()
    data.member.rename(data.old / "member")  # killed here
    assert data.swap_back() is True
    assert content(data) == "old"


def test_swap_again_changes_nothing(data):
    data.open_journal("m", was_running=True)
    fill(data)
    data.swap()
    data.swap()
    assert content(data) == "new"
    assert (data.old / "member" / "db").read_text() == "old"


def test_a_member_whose_data_is_gone(tmp_path):
    data = DataDir(tmp_path / "none", "key")
    data.open_journal("m", was_running=False)
    fill(data)
    data.swap()
    assert content(data) == "new"
    assert data.swap_back() is True
    assert not data.member.exists()


def test_nothing_is_undone_that_was_not_done(data):
    assert data.swap_back() is False
    data.open_journal("m", was_running=True)
    fill(data)
    assert data.swap_back() is False
    assert content(data) == "old"


def test_a_retry_does_not_take_what_it_finds_for_the_beginning(data):
    data.open_journal("m", was_running=True)
    assert data.open_journal("m", was_running=False).was_running is True


def test_a_second_fill_replaces_the_first(data):
    fill(data, "first")
    fill(data, "second")
    assert (data.new / "member" / "db").read_text() == "second"


def test_mode_and_owner_are_those_of_the_old_data(data):
    data.member.chmod(0o750)
    if os.geteuid() == 0:
        for path in (data.path, data.member, data.member / "db"):
            os.chown(path, 1234, 4321)
    fill(data)
    assert stat.S_IMODE((data.new / "member").stat().st_mode) == 0o750
    if os.geteuid() == 0:
        status = (data.new / "member" / "db").stat()
        assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_a_restore_that_is_verified_is_not_undone(data):
    data.open_journal("m", was_running=True)
    fill(data)
    data.swap()
    data.close_journal()
    assert data.done
    assert data.journal() is None
    data.close_journal()  # once more changes nothing


def test_journal_is_private(data):
    data.open_journal("m", was_running=True)
    assert stat.S_IMODE((data.aside / "journal.json").stat().st_mode) == 0o600


def test_a_restore_that_was_rolled_back_is_not_undone_again(data):
    data.open_journal("m", was_running=True)
    assert (data.open, data.rolled_back()) == (True, None)
    data.close_journal(rolled_back=True)
    assert (data.open, data.done, data.journal()) == (False, False, None)
    assert data.rolled_back().was_running is True
    data.open_journal("m", was_running=False)  # the same run, from the stop on
    assert (data.open, data.rolled_back()) == (True, None)
