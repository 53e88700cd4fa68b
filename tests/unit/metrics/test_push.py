from pathlib import Path

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, MetricsPushError
from airflow_provider_stash.metrics.push import Pushgateway, push, write_textfile
from airflow_provider_stash.metrics.series import backup_registry
from tests.unit.metrics.test_series import HOST, STATUS, identity


def registry(success, **given):
    host = HOST if success else None
    return backup_registry(
        identity(**given), success=success, duration=1, now=1700.0, host=host, repository=STATUS
    )


def test_a_textfile_keeps_the_last_success_through_a_failure(tmp_path):
    path = write_textfile(str(tmp_path), registry(True), identity(), success=True)
    write_textfile(str(tmp_path), registry(False), identity(), success=False)
    lines = [line for line in Path(path).read_text().splitlines() if not line.startswith("#")]
    assert any(
        line.startswith("stash_backup_last_success_time_seconds{") and "1700" in line for line in lines
    )
    assert [line[-3:] for line in lines if line.startswith("stash_backup_session_success{")] == ["0.0"]
    assert len(lines) == len({line.rpartition(" ")[0] for line in lines})  # no series twice


def test_two_targets_have_files_of_their_own(tmp_path):
    one = write_textfile(str(tmp_path), registry(True), identity(), success=True)
    two = write_textfile(str(tmp_path), registry(True, name="etcd-b"), identity(name="etcd-b"), success=True)
    assert one != two


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(MetricsPushError, match="No such file"):
        write_textfile(str(tmp_path / "none"), registry(True), identity(), success=True)


def test_nobody_listens():
    with pytest.raises(MetricsPushError, match="127.0.0.1:1 could not be reached"):
        push(Pushgateway("http://127.0.0.1:1"), registry(True), identity(), success=True)


@pytest.mark.parametrize("url", ["gateway:9091", "ftp://h", "http://"])
def test_what_is_no_url(url):
    with pytest.raises(InvalidConfigurationError):
        Pushgateway(url)


def test_a_password_in_the_url_is_refused_and_not_repeated():
    with pytest.raises(InvalidConfigurationError) as error:
        Pushgateway("http://u:hunter2@h:9091")
    assert "hunter2" not in str(error.value)
