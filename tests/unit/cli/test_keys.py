from argparse import Namespace

import pytest
from sqlalchemy.exc import OperationalError

from airflow_provider_stash.cli import keys
from airflow_provider_stash.restic.repository import Repository

NEW_PASSWORD = "another-password"


def test_a_connection_that_can_not_be_written_is_told_of_without_its_password(tmp_path, monkeypatch, capsys):
    file = tmp_path / "new"
    file.write_text(NEW_PASSWORD)

    def fails(conn_id, password):
        raise OperationalError(
            "UPDATE connection SET password=?", {"password": password}, Exception("locked")
        )

    monkeypatch.setattr(keys, "repository_of", lambda conn_id: Repository("/repository", "one"))
    monkeypatch.setattr(keys, "_is_in_database", lambda conn_id: True)
    monkeypatch.setattr(keys, "_store_password", fails)
    monkeypatch.setattr("airflow_provider_stash.restic.keys.change_password", lambda *_, **__: None)
    args = Namespace(conn_id="repo", new_password_file=str(file), lock_timeout=0, yes=True)
    with pytest.raises(SystemExit) as ended:
        keys.update.__wrapped__.__wrapped__(args)
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert "The repository has the new password, but the connection repo has not (locked)" in error
    assert NEW_PASSWORD not in error
