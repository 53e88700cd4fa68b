import fcntl

from airflow_provider_stash.etcd.datadir import in_use


def test_in_use_is_whether_the_database_is_locked(tmp_path):
    assert in_use(tmp_path) is False
    db = tmp_path / "member" / "snap" / "db"
    db.parent.mkdir(parents=True)
    db.touch()
    assert in_use(tmp_path) is False
    with db.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert in_use(tmp_path) is True
    assert in_use(tmp_path) is False
