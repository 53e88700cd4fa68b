"""
Runs several ``airflow`` commands in one process, by Airflow's own parser: each start of Airflow costs seconds.

As a program it reads ``{lines: [[argument, ...], ...], env}`` a line. A child of it runs them in that environment, and writes
``[{code, out, err}, ...]``, a line, to the file descriptor that the program is given: Airflow's own log may go to standard
output.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from typing import Any


def run(arguments: list[str]) -> dict[str, Any]:
    """Run one command."""
    from airflow.cli.cli_parser import get_parser

    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            args = get_parser().parse_args(arguments)
            args.func(args)
        except SystemExit as ended:
            code = ended.code or 0
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def _answer(asked: dict[str, Any], answers: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nobody is there to be asked
    sys.stdin = os.fdopen(0)
    os.environ.clear()
    os.environ.update(asked["env"])
    results = [run(arguments) for arguments in asked["lines"]]
    with os.fdopen(answers, "w") as out:
        out.write(json.dumps(results) + "\n")


def _serve(answers: int) -> None:
    import airflow.cli.cli_parser  # noqa: F401 - once, for all children

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _answer(json.loads(line), answers)
                code = 0
            except BaseException:  # noqa: BLE001 - it must not go on as its parent does
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"What was asked failed: {line[:200]}")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
