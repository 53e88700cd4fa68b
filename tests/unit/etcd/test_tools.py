import pytest

from airflow_provider_stash.etcd.tools import EtcdTool, find_tool, parse_version, telling_lines
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


def test_no_tool_at_all(tmp_path, monkeypatch):
    with pytest.raises(EtcdToolError, match=f"No etcdutl or etcdctl is in the directory {tmp_path}: install"):
        find_tool(str(tmp_path))
    with pytest.raises(EtcdToolError, match="There is no program /no/such/etcdutl: install"):
        find_tool("/no/such/etcdutl")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EtcdToolError, match="is on PATH: install"):
        find_tool()


def test_a_program_that_is_no_etcd_tool(tmp_path):
    script(tmp_path / "etcdutl", "echo hello")
    with pytest.raises(EtcdToolError, match="did not tell its version.*hello"):
        find_tool(str(tmp_path / "etcdutl"))


def test_an_etcdctl_that_no_longer_restores(tmp_path):
    script(tmp_path / "etcdctl", "echo etcdctl version: 3.6.1")
    with pytest.raises(EtcdToolError, match=r"etcdctl 3\.6\.1, which restores no snapshots.*install etcdutl"):
        find_tool(str(tmp_path))
    script(tmp_path / "etcdutl", "echo etcdutl version: 3.6.1")
    assert find_tool(str(tmp_path)).version == (3, 6, 1)


def test_a_revision_bump_with_a_tool_that_does_not_know_it_is_refused():
    EtcdTool("x", (3, 5, 16)).require_bump_revision()
    with pytest.raises(EtcdToolError, match=r"x 3\.5\.1 does not know --bump-revision"):
        EtcdTool("x", (3, 5, 1)).require_bump_revision()


def test_the_surroundings_flags_do_not_reach_the_tool(tmp_path, monkeypatch):
    monkeypatch.setenv("ETCDCTL_WRITE_OUT", "table")
    monkeypatch.setenv("ETCD_NAME", "other")
    script(tmp_path / "etcdutl", "echo version: 3.5.2; env")
    environment = find_tool(str(tmp_path)).run(["x"])
    assert "ETCDCTL_API=3" in environment
    assert "ETCDCTL_WRITE_OUT" not in environment
    assert "ETCD_NAME" not in environment


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("Usage:\n  x\n\nError: unknown flag: --y\n", "unknown flag: --y"),
        ("Error: unknown flag: --y\nUsage:\n\nError: unknown flag: --y\n", "unknown flag: --y"),
        (
            "2026-11-23T21:54:44Z\tinfo\tsnapshot/v3.go:265\trestoring\nError: mkdir /x: denied\n",
            "mkdir /x: denied",
        ),
        (
            "panic: assertion failed: Page 2\n\ngoroutine 1 [running]:\nmain.main()\n",
            "panic: assertion failed: Page 2",
        ),
        (
            "unexpected fault address 0x7\nfatal error: fault\n[signal",
            "unexpected fault address 0x7 | fatal error: fault",
        ),
        (
            '{"level":"info","msg":"up"}\n{"level":"panic","msg":"failed to open","error":"invalid database"}\n{broken',
            "failed to open: invalid database",
        ),
        ("it just ended\n", ""),
        ("", ""),
    ],
)
def test_what_matters_is_picked_from_the_output(text, telling):
    assert telling_lines(text) == telling


def test_what_failed_is_told_with_its_last_words(tmp_path):
    script(
        tmp_path / "etcdutl",
        "[ $1 = version ] && echo version: 3.5.2 && exit; echo no such thing >&2; exit 1",
    )
    with pytest.raises(EtcdToolError, match="no such thing"):
        find_tool(str(tmp_path)).run(["snapshot", "status", "x"])
