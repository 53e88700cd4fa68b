"""Links on the way to a mount are those of the container's root."""

import pytest

from tests.kubesim.root import follow


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data", "/data"),
        ("/data//new/./deep/", "/data/new/deep"),
        ("/var/run/secrets", "/run/secrets"),
        ("/var/lock/one", "/run/lock/one"),
        ("/up/one", "/var/one"),
        ("/../../data/..", ""),
    ],
)
def test_links_are_followed_inside_the_root(tmp_path, path, found):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    (tmp_path / "var" / "lock").symlink_to("run/lock")
    (tmp_path / "up").symlink_to("../../var")
    assert follow(str(tmp_path), path) == found
