"""What the verbs share: how they show, ask, tell of progress, and end."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from airflow.providers_manager import ProvidersManager
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.cli import action_cli

from airflow_provider_stash import exceptions as e

if TYPE_CHECKING:
    from argparse import Namespace

Columns = Mapping[str, "str | Callable[[Mapping[str, Any]], Any]"]
"""Of a table for people: heading, and what stands there of a row: a key of it, or what is made of it."""


class Exit(IntEnum):
    """Exit codes; 10, 11 and 12 are restic's own."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_CONFIRMED = 3
    DAMAGED = 4
    NO_REPOSITORY = 10
    LOCKED = 11
    WRONG_PASSWORD = 12
    INTERRUPTED = 130


_CODES: tuple[tuple[type[e.StashError], Exit], ...] = (
    (e.RepositoryNotFoundError, Exit.NO_REPOSITORY),
    (e.RepositoryLockedError, Exit.LOCKED),
    (e.WrongRepositoryPasswordError, Exit.WRONG_PASSWORD),
    (e.RepositoryDamagedError, Exit.DAMAGED),
)


_results: TextIO | None = None
"""Where results go while a verb runs; None: standard output."""


def exit_code(error: e.StashError) -> Exit:
    """Give the exit code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


def verb(function: Callable[[Namespace], Exit | None]) -> Callable[[Namespace], None]:
    """
    Make a verb of a function: errors are sentences on standard error, and exit codes.

    :param function: gives an exit code, or None for success.
    """

    @functools.wraps(function)
    def run(args: Namespace) -> None:
        _log_to_stderr(args.verbose)
        # The hooks then read connections as the API server does, from Airflow's database too.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        if not args.verbose:
            warnings.simplefilter("ignore")  # as Airflow's own commands do: they are for developers
        try:
            with _results_alone():
                ProvidersManager().initialize_providers_configuration()
                code = function(args)
        except KeyboardInterrupt:
            fail("Interrupted.", Exit.INTERRUPTED)
        except e.StashError as error:
            if args.verbose:
                traceback.print_exc()
            fail(str(error), exit_code(error))
        except AirflowNotFoundException as error:
            fail(str(error))
        if code:
            sys.exit(int(code))

    return run


def recorded_verb(function: Callable[[Namespace], Exit | None]) -> Callable[[Namespace], None]:
    """Make a verb, which changes something, of a function: Airflow's audit log records who called it."""
    recorded: Callable[[Namespace], Exit | None] = action_cli(function, check_db=False)
    return verb(recorded)


def _log_to_stderr(verbose: bool) -> None:
    """Write what the steps tell of their progress to standard error, plainly."""
    logger = logging.getLogger("airflow_provider_stash")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    # Airflow 3.2 logs to standard output; later versions do this by themselves.
    for one in logging.getLogger().handlers:
        if isinstance(one, logging.StreamHandler) and one.stream is sys.stdout:
            one.setStream(sys.stderr)


@contextlib.contextmanager
def _results_alone() -> Iterator[None]:
    """Keep standard output for ``write``: Airflow sets up its log there when a model is first imported."""
    global _results  # noqa: PLW0603 - one program, one standard output
    _results = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            _results = None


def write(text: str) -> None:
    """Write a line of the result to standard output."""
    print(text, file=_results or sys.stdout, flush=True)


def tell(text: str) -> None:
    """Write a line for the person at the terminal; standard output is for results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def fail(text: str, code: Exit = Exit.FAILED) -> NoReturn:
    """End with a sentence and an exit code."""
    tell(f"airflow stash: {text}")
    sys.exit(int(code))


def confirm(args: Namespace, question: str) -> None:
    """
    Ask, unless ``--yes`` was given; end the program when the answer is not yes.

    :param question: what will be done, without "Continue?".
    """
    if args.yes:
        return
    print(f"{question} Continue? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    answer = sys.stdin.readline()
    if not answer:
        tell("")
        fail("Nothing was changed: there is nobody to ask. Give --yes to go on unasked.", Exit.NOT_CONFIRMED)
    if answer.strip().lower() not in {"y", "yes"}:
        fail("Nothing was changed.", Exit.NOT_CONFIRMED)


def show(
    args: Namespace,
    rows: Iterable[Mapping[str, Any]],
    columns: Columns,
) -> None:
    """
    Write a result to standard output, as ``--output`` says.

    :param rows: as they are written as JSON or YAML; without any, a table is nothing at all.
    :param columns: of the table for people.
    """
    found = [dict(row) for row in rows]
    if args.output != "table":
        dump(found, args.output)
    elif found:
        from airflow.cli.simple_table import AirflowConsole

        table = [
            {name: _cell(row[read] if isinstance(read, str) else read(row)) for name, read in columns.items()}
            for row in found
        ]
        AirflowConsole(file=_results or sys.stdout).print_as_table(table)


def dump(result: Any, output: str) -> None:
    """Write a result to standard output as JSON or YAML."""
    if output == "json":
        write(json.dumps(result, indent=2))
    else:
        import yaml

        write(yaml.safe_dump(result, sort_keys=False).rstrip("\n"))


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
