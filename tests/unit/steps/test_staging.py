import os
import stat
import subprocess
import sys

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, NoSpaceError
from airflow_provider_stash.steps.staging import staging_directory


def test_private_and_gone_afterwards_also_on_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), staging_directory(str(tmp_path), needed=10) as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_limit_and_the_disk_are_looked_at_first(tmp_path):
    with (
        pytest.raises(NoSpaceError, match="limit is 5"),
        staging_directory(str(tmp_path), needed=10, size_limit=5),
    ):
        pass
    with pytest.raises(NoSpaceError, match="free"), staging_directory(str(tmp_path), needed=1 << 60):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(InvalidConfigurationError), staging_directory(str(tmp_path / "no"), needed=1):
        pass


def test_what_a_killed_task_left_is_removed_and_what_is_in_use_is_not(tmp_path):
    code = (
        "import os, signal, sys; from airflow_provider_stash.steps.staging import staging_directory\n"
        f"with staging_directory({str(tmp_path)!r}, needed=1) as d:\n"
        "    (d / 'snapshot.db').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))
    assert len(list(tmp_path.iterdir())) == 1
    with staging_directory(str(tmp_path), needed=1) as one:
        assert list(tmp_path.iterdir()) == [one]
        with staging_directory(str(tmp_path), needed=1) as two:
            assert sorted(tmp_path.iterdir()) == sorted([one, two])
