import io
import json
import sys
from argparse import Namespace

import pytest
import yaml

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.cli.console import Exit, confirm, exit_code, show, verb

pytestmark = pytest.mark.oldest
COLUMNS = {"name": lambda row: row["name"], "size": "size", "good": lambda row: row["good"]}
ROWS = [{"name": "a", "size": 3, "good": True}, {"name": "b", "size": None, "good": False}]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (e.ResticError("x"), Exit.FAILED),
        (e.RepositoryDamagedError("x"), Exit.DAMAGED),
        (e.RepositoryNotFoundError("x"), Exit.NO_REPOSITORY),
        (e.RepositoryLockedError("x"), Exit.LOCKED),
        (e.WrongRepositoryPasswordError("x"), Exit.WRONG_PASSWORD),
    ],
)
def test_an_error_is_a_sentence_and_a_code(error, code, capsys):
    assert exit_code(error) == code

    @verb
    def fails(args):
        raise error

    with pytest.raises(SystemExit) as ended:
        fails(Namespace(verbose=False))
    assert ended.value.code == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "airflow stash: x\n")
    with pytest.raises(SystemExit) as ended:  # the whole trace, for who wants it, and the same code
        fails(Namespace(verbose=True))
    assert ended.value.code == code
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("airflow stash: x\n")


def test_what_airflow_writes_is_not_among_the_results(capsys):
    @verb
    def does(args):
        sys.stdout.write("a line of Airflow's log\n")
        show(args, ROWS, COLUMNS)

    does(Namespace(verbose=False, output="json"))
    out, err = capsys.readouterr()
    assert json.loads(out) == ROWS
    assert err == "a line of Airflow's log\n"


def test_success_returns_and_a_code_ends():
    @verb
    def does(args):
        return args.code

    assert does(Namespace(verbose=False, code=None)) is None
    with pytest.raises(SystemExit) as ended:
        does(Namespace(verbose=False, code=Exit.DAMAGED))
    assert ended.value.code == 4


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_yes_goes_on(monkeypatch, capsys, answer):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    confirm(Namespace(yes=False), "All goes.")
    out, err = capsys.readouterr()
    assert out == ""
    assert "All goes." in err


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yess\n"])
def test_anything_else_ends_with_a_code_of_its_own(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    with pytest.raises(SystemExit) as ended:
        confirm(Namespace(yes=False), "All goes.")
    assert ended.value.code == Exit.NOT_CONFIRMED


def test_nobody_is_asked_with_yes():
    confirm(Namespace(yes=True), "All goes.")


def test_json_and_yaml_keep_types(capsys):
    show(Namespace(output="json"), ROWS, COLUMNS)
    assert json.loads(capsys.readouterr().out) == ROWS
    show(Namespace(output="yaml"), ROWS, COLUMNS)
    assert yaml.safe_load(capsys.readouterr().out) == ROWS


def test_a_table_is_for_people(capsys):
    show(Namespace(output="table"), ROWS, COLUMNS)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == ["name", "|", "size", "|", "good"]
    assert lines[2:] == [["a", "|", "3", "|", "yes"], ["b", "|", "-", "|", "no"]]
    show(Namespace(output="table"), [], COLUMNS)
    assert capsys.readouterr().out == ""
