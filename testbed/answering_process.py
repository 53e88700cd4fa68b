"""A process that is asked again and again: what it takes long to import, it imports once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]


class AnsweringProcess:
    """
    Runs a module, which reads JSON a line from standard input, and answers each by JSON, a line.

    :param module: its name; its first argument is the file descriptor that it answers to.
    :param arguments: further ones.
    :param env: its environment.
    :param log: file for its output.
    """

    def __init__(self, module: str, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        reading, writing = os.pipe()
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(writing), *arguments],
                cwd=_ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                text=True,
            )
        os.close(writing)
        self._answers = os.fdopen(reading)

    def ask(self, question: Any) -> Any:
        """
        Ask, and wait for the answer.

        :raises RuntimeError: the process ended; with its last words.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError(f"{self.log} ends: {self.log.read_text()[-3000:]}")
        return json.loads(answer)

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
