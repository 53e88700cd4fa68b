"""
Runs Python code in processes that have imported Airflow, which takes seconds, and of this package what that imports.

As a program it reads code, JSON, a line. A fork of it runs it, and writes ``{out, error}``, a line, to the file descriptor
that the program is given: what the code printed, and the traceback of what it raised, or null.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback

_BY_AIRFLOW = {"airflow_provider_stash", "airflow_provider_stash.get_provider_info"}


def _run(code: str) -> dict[str, str | None]:
    out, error = io.StringIO(), None
    with contextlib.redirect_stdout(out):
        try:
            exec(code, {"__name__": "__main__"})  # noqa: S102 - it is the tests'
        except BaseException:  # noqa: BLE001 - whatever it is, it is told
            error = traceback.format_exc()
    return {"out": out.getvalue(), "error": error}


def _serve(answers: int) -> None:
    import airflow.sdk.plugins_manager  # noqa: F401 - what each task's process has imported before its DAG file

    ours = {name for name in sys.modules if name.startswith("airflow_provider_stash")} - _BY_AIRFLOW
    if ours:
        sys.exit(f"Airflow alone has imported {', '.join(sorted(ours))}.")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            with os.fdopen(answers, "w") as out:
                out.write(json.dumps(_run(json.loads(line))) + "\n")
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
