import pytest

from airflow_provider_stash.exceptions import NoSpaceError
from airflow_provider_stash.restic.ls import SnapshotFile
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.member import check_member, fill_member
from airflow_provider_stash.workloads import datadirs


def test_no_space_is_told_as_it_stands_before_the_stop_and_after(tmp_path, monkeypatch):
    monkeypatch.setattr("airflow_provider_stash.steps.member.find_tool", _Tool)
    large = SnapshotFile("/s", 1 << 60)
    monkeypatch.setattr("airflow_provider_stash.steps.member.find_file", lambda *_: large)
    repository = Repository("/nowhere", "p")
    place = {"member": "m", "data_dir": str(tmp_path), "key": "k", "snapshot": "0" * 64}
    with pytest.raises(NoSpaceError, match="Nothing was stopped or changed"):
        check_member(repository, **place, etcd_version="")
    with pytest.raises(NoSpaceError, match="The old data is untouched") as caught:
        fill_member(
            repository, **place, path="/s", size=large.size, sha256="", initial_cluster={}, token="t", bump_revision=0,
            was_running=True,
        )  # fmt: skip
    assert datadirs.UNTOUCHED not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class _Tool:
    def require_for(self, version):
        pass
