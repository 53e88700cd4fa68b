"""Cuts a template into tokens, by the rules of Go's text/template/parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_provider_stash.exceptions import GoTemplateError

_KEYWORDS = {
    "block",
    "break",
    "continue",
    "define",
    "else",
    "end",
    "if",
    "nil",
    "range",
    "template",
    "with",
}
_SPACE = " \t\r\n"
_TERMINATORS = frozenset(".,|:)(" + _SPACE)
_NUMBER = re.compile(r"[+-]?[0-9A-Za-z_.]*(?:(?<=[eEpP])[+-][0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Token:
    """
    A piece of the template.

    :param kind: what it is: ``text``, ``{{``, ``}}``, ``space``, ``field``, ``.``, ``variable``, ``identifier``,
        ``bool``, ``number``, ``char``, ``string``, ``raw``, ``end of text``; a keyword or a sign is its own kind.
    :param text: as it is written.
    :param offset: where it begins.
    """

    kind: str
    text: str
    offset: int


class Lexer:
    """
    A template's tokens.

    :param text: the template.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0
        self._parens = 0

    def error(self, offset: int, message: str) -> GoTemplateError:
        """Make an error that tells line and column, both from 1."""
        line = self.text.count("\n", 0, offset) + 1
        column = offset - (self.text.rfind("\n", 0, offset) + 1) + 1
        return GoTemplateError(message, line, column)

    def __iter__(self) -> Iterator[Token]:
        """Give the tokens, the last of the kind ``end of text``."""
        trim = False
        while True:
            begin = self.text.find("{{", self._at)
            end = len(self.text) if begin < 0 else begin
            text = self.text[self._at : end]
            if trim:
                text = text.lstrip(_SPACE)
            # A marker with a space after it; "{{-3}}" is a number.
            trims_before = begin >= 0 and self.text[begin + 2 : begin + 3] == "-"
            trims_before = trims_before and self.text[begin + 3 : begin + 4] in tuple(_SPACE)
            if trims_before:
                text = text.rstrip(_SPACE)
            if text:
                yield Token("text", text, self._at)
            if begin < 0:
                yield Token("end of text", "", len(self.text))
                return
            self._at = begin + 2 + (2 if trims_before else 0)
            if self.text.startswith("/*", self._at):
                trim = self._comment(begin)
                continue
            yield Token("{{", "{{", begin)
            self._parens = 0
            while (token := self._inside(begin)).kind != "}}":
                yield token
            yield token
            trim = token.text != "}}"

    def _comment(self, begin: int) -> bool:
        """Skip a comment; gives whether it trims what follows."""
        end = self.text.find("*/", self._at + 2)
        if end < 0:
            raise self.error(begin, "the comment is not closed with */.")
        self._at = end + 2
        closing = self._closing()
        if closing is None:
            raise self.error(begin, "a comment must fill its action: {{/* ... */}}.")
        self._at += len(closing)
        return closing != "}}"

    def _closing(self) -> str | None:
        """Give the delimiter that closes the action here, with its marker."""
        if self.text.startswith("}}", self._at):
            return "}}"
        found = self.text[self._at : self._at + 4]
        return found if found[:1] in tuple(_SPACE) and found[1:] == "-}}" else None

    def _inside(self, begin: int) -> Token:  # noqa: PLR0912  # one case a kind of token
        at, text = self._at, self.text
        closing = self._closing()
        if closing is not None:
            if self._parens:
                raise self.error(at, "a parenthesis is not closed.")
            return self._take("}}", len(closing))
        if at >= len(text):
            raise self.error(begin, "the action is not closed with }}.")
        char = text[at]
        if char in _SPACE:
            return self._spaces()
        if text.startswith(":=", at):
            return self._take(":=", 2)
        if char in "=|,":
            return self._take(char, 1)
        if char in "()":
            self._parens += 1 if char == "(" else -1
            if self._parens < 0:
                raise self.error(at, "a parenthesis is closed that was not opened.")
            return self._take(char, 1)
        if char in "\"'":
            return self._quoted(char)
        if char == "`":
            end = text.find("`", at + 1)
            if end < 0:
                raise self.error(at, "the string is not closed with `.")
            return self._take("raw", end + 1 - at)
        if char in "+-" or char.isdigit() or (char == "." and text[at + 1 : at + 2].isdigit()):
            return self._number()
        if char in ".$" or _alphanumeric(char):
            return self._word()
        raise self.error(at, f"character {char!r} has no meaning here.")

    def _take(self, kind: str, length: int) -> Token:
        token = Token(kind, self.text[self._at : self._at + length], self._at)
        self._at += length
        return token

    def _spaces(self) -> Token:
        end = self._at
        while end < len(self.text) and self.text[end] in _SPACE:
            end += 1
        if self.text.startswith("-}}", end) and end - self._at > 1:
            end -= 1  # the last one belongs to the marker
        return self._take("space", end - self._at)

    def _quoted(self, quote: str) -> Token:
        end = self._at + 1
        while self.text[end : end + 1] not in {"", "\n", quote}:
            escaped = self.text[end] == "\\" and self.text[end + 1 : end + 2] != "\n"
            end += 2 if escaped else 1
        if self.text[end : end + 1] != quote:
            raise self.error(self._at, f"the string is not closed with {quote} on its line.")
        return self._take("string" if quote == '"' else "char", end + 1 - self._at)

    def _number(self) -> Token:
        found = _NUMBER.match(self.text, self._at)
        assert found is not None
        return self._take("number", found.end() - self._at)

    def _word(self) -> Token:
        end = self._at + 1
        while end < len(self.text) and _alphanumeric(self.text[end]):
            end += 1
        word = self.text[self._at : end]
        rest = self.text[end : end + 1]
        if rest and rest not in _TERMINATORS and not self.text.startswith("}}", end):
            raise self.error(end, f"character {rest!r} can't follow {word}.")
        if word[0] == "$":
            kind = "variable"
        elif word[0] == ".":
            kind = "field" if len(word) > 1 else "."
        elif word in _KEYWORDS:
            kind = word
        else:
            kind = "bool" if word in {"true", "false"} else "identifier"
        return self._take(kind, len(word))


def _alphanumeric(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdigit()
