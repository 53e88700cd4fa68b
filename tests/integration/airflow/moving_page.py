"""docs/moving-from-stash.md as its reader follows it: the commands and the Python in it, in their order."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "moving-from-stash.md"
NAMESPACE = "moving"
"""In place of the page's: other tests have its DAGs already."""


class Page:
    """The page; ``commands`` are those that nobody has followed yet."""

    def __init__(self):
        text = re.sub(r"\bdemo\b|(?<=__)demo(?=__)|(?<=_)demo(?=\")", NAMESPACE, PAGE.read_text())
        self.python = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = re.findall(
            r"^ {4}(\S.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
        )
        self.commands = [shlex.split(line, comments=True) for line in lines]

    def follow(self, *beginning):
        """Give the next command, which must begin so, without that."""
        command = self.commands.pop(0)
        assert command[: len(beginning)] == list(beginning), command
        return command[len(beginning) :]
