"""Airflow's own parser takes the verbs, and each leads to a function."""

import importlib

import pytest
from airflow.cli.cli_config import ActionCommand, GroupCommand
from airflow.cli.cli_parser import get_parser

from airflow_provider_stash.cli.definition import get_stash_cli_commands

pytestmark = pytest.mark.oldest
ROOM = "airflow_provider_stash.cli"


def actions(command, path=()):
    path = (*path, command.name)
    if isinstance(command, GroupCommand):
        for one in command.subcommands:
            yield from actions(one, path)
    else:
        yield path, command


VERBS = dict(actions(get_stash_cli_commands()[0]))


def test_the_verbs_are_those_of_stashs_plugin_and_more():
    assert {" ".join(path[1:]) for path in VERBS} == {
        "import", "render", "status", "check", "prune", "unlock", "migrate", "rebuild-index",
        "snapshots list", "snapshots delete", "snapshots download",
        "key list", "key add", "key update", "key remove",
        "trigger", "pause", "resume", "debug",
    }  # fmt: skip


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_each_leads_to_a_function(path):
    """The path is in the closure of Airflow's lazy_load_command."""
    command = VERBS[path]
    assert isinstance(command, ActionCommand)
    (where,) = [
        cell.cell_contents
        for cell in command.func.__closure__
        if isinstance(cell.cell_contents, str) and cell.cell_contents.startswith(ROOM)
    ]
    module, _, name = where.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("status", {"conn_ids": [], "ask_restic": False, "output": "table"}),
        ("check repo --read-data-subset 5% -o json", {"read_data_subset": "5%", "output": "json"}),
        ("prune repo --dry-run --max-unused 10%", {"dry_run": True, "max_unused": "10%", "yes": False}),
        ("snapshots delete repo a1b2 c3d4 -y", {"snapshots": ["a1b2", "c3d4"], "yes": True}),
        ("snapshots list repo --tag a --tag b --limit 3", {"tag": ["a", "b"], "limit": 3}),
        ("trigger d -p a=1 -p b=x --wait", {"dag_id": "d", "param": ["a=1", "b=x"], "wait": True}),
        ("import a b --print env", {"paths": ["a", "b"], "print": "env"}),
        ("debug d", {"run_id": None, "lines": 20}),
    ],
)
def test_arguments(line, expected):
    args = vars(get_parser().parse_args(["stash", *line.split()]))
    assert {name: args[name] for name in expected} == expected


@pytest.mark.parametrize("path", VERBS, ids=" ".join)
def test_each_writes_its_result_as_a_table_json_or_yaml(path):
    (output,) = [arg for arg in VERBS[path].args if "--output" in arg.flags]
    assert output.kwargs["choices"] == ("table", "json", "yaml")


def test_what_is_destructive_has_yes():
    asks = {path[1:] for path, verb in VERBS.items() if any("--yes" in arg.flags for arg in verb.args)}
    assert asks >= {
        ("prune",), ("unlock",), ("migrate",), ("rebuild-index",), ("snapshots", "delete"),
        ("key", "update"), ("key", "remove"), ("import",), ("trigger",),
    }  # fmt: skip


def test_every_start_of_airflow_loads_no_verb(in_fresh_airflow):
    code = (
        "import sys, airflow.cli.cli_parser; import airflow_provider_stash.cli.definition; "
        f"print(*sorted(m for m in sys.modules if m.startswith('{ROOM}.') or m == 'airflow_provider_stash.hooks.restic'))"
    )
    assert in_fresh_airflow(code).split() == [f"{ROOM}.definition"]
