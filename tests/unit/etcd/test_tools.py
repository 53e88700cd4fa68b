import pytest

from airflow_provider_stash.etcd.tools import EtcdTool, find_tool, parse_version
from airflow_provider_stash.exceptions import EtcdToolError


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.5.16", (3, 5, 16)), ("v3.6.0-rc.1", (3, 6, 0)), ("3.4", (3, 4, 0)), ("x", None), ("", None)],
)
def test_versions_are_read(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("version", "knows"),
    [((3, 4, 26), False), ((3, 4, 27), True), ((3, 5, 9), False), ((3, 5, 10), True), ((3, 6, 0), True)],
)
def test_which_tools_know_bump_revision(version, knows):
    assert EtcdTool("x", version).knows_bump_revision is knows


def test_a_tool_older_than_the_snapshot_is_refused():
    EtcdTool("x", (3, 5, 1)).require_for("3.5.30")
    EtcdTool("x", (3, 5, 1)).require_for("3.4.3")
    EtcdTool("x", (3, 5, 1)).require_for("")
    with pytest.raises(EtcdToolError, match=r"etcdutl 3\.6"):
        EtcdTool("x", (3, 5, 1)).require_for("3.6.0")


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_etcdutl_comes_before_etcdctl(tmp_path):
    script(tmp_path / "etcdctl", "echo etcdctl version: 3.4.1")
    assert find_tool(str(tmp_path)).version == (3, 4, 1)
    script(tmp_path / "etcdutl", "echo etcdutl version: 3.5.2")
    assert find_tool(str(tmp_path)).version == (3, 5, 2)


def test_a_broken_tool_is_passed_over_and_told_when_it_is_the_only_one(tmp_path):
    script(tmp_path / "etcdutl", "echo broken >&2; exit 3")
    with pytest.raises(EtcdToolError, match="exit code 3: broken"):
        find_tool(str(tmp_path))
    script(tmp_path / "etcdctl", "echo etcdctl version: 3.4.1")
    assert find_tool(str(tmp_path)).path.endswith("etcdctl")


def test_no_tool_at_all(tmp_path):
    with pytest.raises(EtcdToolError, match="install etcd's own tools"):
        find_tool(str(tmp_path))


def test_what_failed_is_told_with_its_last_words(tmp_path):
    script(
        tmp_path / "etcdutl",
        "[ $1 = version ] && echo version: 3.5.2 && exit; echo no such thing >&2; exit 1",
    )
    with pytest.raises(EtcdToolError, match="no such thing"):
        find_tool(str(tmp_path)).run(["snapshot", "status", "x"])
