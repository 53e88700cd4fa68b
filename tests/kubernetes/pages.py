"""Reads what the docs tell a user to apply, run or write."""

import re
import textwrap
from pathlib import Path

import yaml

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(page, language):
    """Give the fenced blocks of a page, in their order."""
    text = (DOCS / page).read_text()
    return [textwrap.dedent(body) for _, kind, body in _BLOCK.findall(text) if kind == language]


def objects(page):
    """Give the objects of a page's YAML."""
    return [one for block in blocks(page, "yaml") for one in yaml.safe_load_all(block)]


def role(name):
    """Give a Role of the docs."""
    (found,) = (
        one
        for page in ("kubernetes.md", "kubernetes-restore.md")
        for one in objects(page)
        if (one["kind"], one["metadata"]["name"]) == ("Role", name)
    )
    return found
