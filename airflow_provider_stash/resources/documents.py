"""Files of YAML (or JSON) as documents, each with its place, read no further than is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from airflow_provider_stash.resources.refusal import Refusal

SUFFIXES = {".yaml", ".yml", ".json"}
_SEPARATOR = re.compile(r"^---(?=\s|$)|^\.\.\.\s*$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%.*$", re.MULTILINE)
_BLANK = re.compile(r"(?:[ \t]*\r?\n)+")
_TEXT, _MAPPING, _SEQUENCE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))
_KIND = re.compile(r"^[\"']?kind[\"']?:\s*[\"']?(\w+)", re.MULTILINE)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes reads it: times stay texts, ``1:30`` is one, and no key stands twice."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Construct what a document holds; texts, lists and plain mappings by a shorter way than PyYAML's."""
        return self._construct(node)

    def _construct(self, node: yaml.Node) -> Any:
        if node.tag == _TEXT and type(node) is yaml.ScalarNode:
            return node.value
        if node.tag == _MAPPING and type(node) is yaml.MappingNode:
            self._check_keys(node)
            if all(key.tag == _TEXT for key, _ in node.value):
                return {key.value: self._construct(value) for key, value in node.value}
        elif node.tag == _SEQUENCE and type(node) is yaml.SequenceNode:
            return [self._construct(one) for one in node.value]
        return self.construct_object(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys have been looked at."""
        self._check_keys(node)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found

    @staticmethod
    def _check_keys(node: yaml.MappingNode) -> None:
        """Refuse a key that stands twice: one of its values would be lost."""
        seen = set()
        for key, _ in node.value:
            problem = ""
            if not isinstance(key.value, str):
                problem = "a key is no text (is it a template, with {{ }}?)"
            elif key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                problem = f"the key {key.value!r} stands twice in one mapping"
            if problem:
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)


def _unknown_tag(_: _Loader, node: yaml.Node) -> Any:
    """Refuse a tag without repeating it: it may be a password that begins with an exclamation mark."""
    problem = "a tag is not known; a text that begins with ! or is = needs quotes"
    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_Loader.add_constructor(None, _unknown_tag)


@dataclass(frozen=True)
class Document:
    """
    One document of a file.

    :param file: the file's path.
    :param line: where it begins, from 1.
    :param text: its text.
    """

    file: str
    line: int
    text: str = field(repr=False)

    def may_hold(self, kind: str, name: str) -> bool:
        """Tell by the text alone, and quickly, whether an object of this kind and name can be in it."""
        if name not in self.text:
            return False
        kinds = _KIND.findall(self.text)
        return not kinds or kind in kinds or any(one.endswith("List") for one in kinds)

    def objects(self) -> Iterator[dict[str, Any]]:
        """
        Read it, without its nulls; a ``List`` gives its items.

        :raises Refused: with the line, for what is no YAML or no object.
        """
        try:
            loaded = _without_nulls(yaml.load(self.text, Loader=_Loader))  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = self.line + mark.line if mark else self.line
            # The parser's words only: the text around it may hold a secret.
            raise BadYAMLError(line, getattr(error, "problem", None) or "it can't be read") from None
        except Exception:  # noqa: BLE001 - PyYAML fails so on values that belie their tag; its words hold the value
            raise BadYAMLError(
                self.line, "a value is not of the kind that it is written as, or holds itself"
            ) from None
        if loaded is None:
            return
        if not isinstance(loaded, dict):
            raise BadYAMLError(self.line, "it holds no object (a mapping with apiVersion, kind and metadata)")
        yield from _items(loaded)


class BadYAMLError(Exception):
    """
    A document is no YAML, or no object.

    :param line: of the file.
    :param problem: what the parser says.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"This is no valid YAML: {problem}.")
        self.line = line


def read_documents(
    paths: Sequence[str | PathLike[str]],
) -> tuple[list[Document], list[Refusal]]:
    """
    Find the documents of files and directories; names that begin with a dot are left out.

    :param paths: of files, whatever their suffix, and of directories, searched with all below them.
    :return: the documents, and what could not be read.
    """
    documents: list[Document] = []
    refusals: list[Refusal] = []
    for given in paths:
        path = Path(given)
        try:
            files = list(_files(path)) if path.is_dir() else [path]
            for file in files:
                documents += _split(str(file), file.read_text())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            where = str(getattr(error, "filename", None) or path)
            refusals.append(Refusal(where, 0, "", "", f"This can't be read: {reason}."))
    return documents, refusals


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix in SUFFIXES:
            yield path


def _split(file: str, text: str) -> Iterator[Document]:
    start, line = 0, 1
    for match in [*_SEPARATOR.finditer(text), None]:
        end = match.start() if match else len(text)
        part = text[start:end]
        if part.strip():
            blank = _BLANK.match(part)
            skipped = blank.end() if blank else 0
            yield Document(file, line + part.count("\n", 0, skipped), _DIRECTIVE.sub("", part[skipped:]))
        if match:
            line += text.count("\n", start, match.end())
            start = match.end()


def _items(loaded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    items = loaded.get("items")
    if str(loaded.get("kind", "")).endswith("List") and isinstance(items, list):
        kind = str(loaded["kind"]).removesuffix("List")
        for item in items:
            # The items of a kind's own list may leave their kind out.
            given = {"kind": kind, "apiVersion": loaded.get("apiVersion")} if kind else {}
            yield {**given, **item} if isinstance(item, dict) else {"items": item}
    else:
        yield loaded


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value
