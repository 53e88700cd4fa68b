"""
Runs several ``airflow`` commands in one process, by Airflow's own parser: each start of Airflow costs seconds.

Reads ``[[argument, ...], ...]`` from standard input, writes ``[{code, out, err}, ...]`` to the file that is its argument:
Airflow's own log may go to standard output.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
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


if __name__ == "__main__":
    results = [run(arguments) for arguments in json.load(sys.stdin)]
    Path(sys.argv[1]).write_text(json.dumps(results))
