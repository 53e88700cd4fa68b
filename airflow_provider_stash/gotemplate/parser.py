"""Makes a tree of a template's tokens, by the rules of Go's text/template/parse."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from airflow_provider_stash.gotemplate import nodes
from airflow_provider_stash.gotemplate.constants import number, unquote
from airflow_provider_stash.gotemplate.lexer import Lexer, Token

if TYPE_CHECKING:
    from airflow_provider_stash.exceptions import GoTemplateError

_OPERANDS = {"bool", "char", ".", "field", "identifier", "number", "nil", "raw", "string", "variable", "("}
_BEYOND = {"block", "define", "template"}


class Parser:
    """
    Parses one template.

    :param text: the template.
    :param functions: the functions' names.
    """

    def __init__(self, text: str, functions: Container[str]) -> None:
        self.lexer = Lexer(text)
        self._functions = functions
        self._tokens = list(self.lexer)
        self._at = 0
        self._variables = ["$"]
        self._ranges = 0

    def parse(self) -> tuple[nodes.Node, ...]:
        """
        Parse it.

        :raises GoTemplateError: it is no template, or uses what is beyond this engine.
        """
        found, ended_by = self._list()
        if ended_by.kind != "end of text":
            raise self._error(ended_by, f"{{{{{ended_by.kind}}}}} without its beginning.")
        return found

    # --- tokens ---------------------------------------------------------------------------------

    def _error(self, token: Token, message: str) -> GoTemplateError:
        return self.lexer.error(token.offset, message)

    def _peek(self, *, spaces: bool = False) -> Token:
        if not spaces and self._tokens[self._at].kind == "space":
            return self._tokens[self._at + 1]
        return self._tokens[self._at]

    def _next(self, *, spaces: bool = False) -> Token:
        token = self._peek(spaces=spaces)
        self._at += 1 if token is self._tokens[self._at] else 2
        return token

    def _expect(self, kind: str, context: str) -> Token:
        token = self._next()
        if token.kind != kind:
            raise self._error(
                token, f"unexpected {token.text or token.kind!r} in {context}; expected {kind}."
            )
        return token

    # --- lists and actions ------------------------------------------------------------------------

    def _list(self) -> tuple[tuple[nodes.Node, ...], Token]:
        """Parse up to ``else``, ``end`` or the end of the text; the keyword is taken, what follows it is not."""
        found: list[nodes.Node] = []
        while True:
            token = self._next(spaces=True)
            if token.kind == "text":
                found.append(nodes.Text(token.offset, token.text))
                continue
            if token.kind == "end of text":
                return tuple(found), token
            keyword = self._peek()
            if keyword.kind in {"else", "end"}:
                self._next()
                if keyword.kind == "end":
                    self._expect("}}", "end")
                return tuple(found), keyword
            found.append(self._action())

    def _action(self) -> nodes.Node:
        token = self._peek()
        if token.kind in _BEYOND:
            raise self._error(
                token, f"{token.kind} is beyond the templates that are supported here: write it out."
            )
        if token.kind in {"if", "with", "range"}:
            self._next()
            return self._branch(token)
        if token.kind in {"break", "continue"}:
            self._next()
            if not self._ranges:
                raise self._error(token, f"{token.kind} outside a range.")
            self._expect("}}", token.kind)
            return nodes.Leave(token.offset, token.kind)
        return nodes.Action(token.offset, self._pipeline("command", "}}"))

    def _branch(self, token: Token) -> nodes.Branch:
        known = len(self._variables)
        pipeline = self._pipeline(token.kind, "}}")
        self._ranges += token.kind == "range"
        then, ended_by = self._list()
        self._ranges -= token.kind == "range"
        otherwise: tuple[nodes.Node, ...] = ()
        if ended_by.kind == "else":
            follows = self._peek()
            if follows.kind == "if" and token.kind == "if":
                self._next()
                otherwise = (self._branch(follows),)  # its {{end}} ends this one too
                del self._variables[known:]
                return nodes.Branch(token.offset, token.kind, pipeline, then, otherwise)
            self._expect("}}", "else")
            otherwise, ended_by = self._list()
            if ended_by.kind == "else":
                raise self._error(ended_by, "expected {{end}}: there is an {{else}} before.")
        if ended_by.kind != "end":
            raise self._error(token, f"{{{{{token.kind}}}}} has no {{{{end}}}}.")
        del self._variables[known:]
        return nodes.Branch(token.offset, token.kind, pipeline, then, otherwise)

    # --- pipelines --------------------------------------------------------------------------------

    def _pipeline(self, context: str, end: str) -> nodes.Pipeline:
        pipeline = nodes.Pipeline(self._peek().offset)
        self._declarations(pipeline, context)
        while True:
            token = self._peek()
            if token.kind == end:
                self._next()
                break
            if token.kind not in _OPERANDS:
                raise self._error(token, f"unexpected {token.text or token.kind!r} in {context}.")
            pipeline.commands.append(self._command())
        if not pipeline.commands:
            raise self._error(token, f"missing value for {context}.")
        for stage, command in enumerate(pipeline.commands[1:], 2):
            if isinstance(command.arguments[0], (nodes.Constant, nodes.Dot)):
                raise self.lexer.error(
                    command.offset, f"stage {stage} of the pipeline is no function: it can't take a value."
                )
        return pipeline

    def _declarations(self, pipeline: nodes.Pipeline, context: str) -> None:
        while self._peek().kind == "variable":
            begin = self._at
            variable = self._next()
            sign = self._peek()
            if sign.kind not in {"=", ":=", ","}:
                self._at = begin
                return
            self._next()
            pipeline.assigns = sign.kind == "="
            pipeline.variables.append(variable.text)
            if pipeline.assigns:
                self._known(variable)
            self._variables.append(variable.text)
            if sign.kind != ",":
                return
            if context != "range" or len(pipeline.variables) > 1:
                raise self._error(sign, f"too many variables in {context}.")
            if self._peek().kind not in {"variable", "}}", ")"}:
                raise self._error(self._peek(), "range can only set variables.")

    def _command(self) -> nodes.Command:
        begin = self._peek()
        arguments: list[nodes.Node] = []
        while True:
            operand = self._operand()
            if operand is not None:
                arguments.append(operand)
            token = self._peek(spaces=True)
            if token.kind == "space":
                self._next(spaces=True)
                continue
            if token.kind in {"|", "}}", ")"}:
                break
            raise self._error(token, f"unexpected {token.text or token.kind!r} in operand.")
        if token.kind == "|":
            self._next()  # Go takes one that leads nowhere
        if not arguments:
            raise self._error(begin, "empty command.")
        return nodes.Command(begin.offset, tuple(arguments))

    def _operand(self) -> nodes.Node | None:
        term = self._term()
        if term is None:
            return None
        names: list[str] = []
        while self._peek(spaces=True).kind == "field":
            names.append(self._next(spaces=True).text[1:])
        if not names:
            return term
        if isinstance(term, nodes.Field):
            return nodes.Field(term.offset, (*term.names, *names))
        if isinstance(term, nodes.Variable):
            return nodes.Variable(term.offset, term.name, (*term.names, *names))
        if isinstance(term, (nodes.Constant, nodes.Dot)):
            raise self.lexer.error(term.offset, f"unexpected .{names[0]} after a term that has no fields.")
        return nodes.Chain(term.offset, term, tuple(names))

    def _term(self) -> nodes.Node | None:  # one case a kind of token
        token = self._peek()
        if token.kind not in _OPERANDS:
            return None
        self._next()
        at = token.offset
        if token.kind == "identifier":
            if token.text not in self._functions:
                raise self._error(token, f"function {token.text} is not known here.")
            return nodes.Function(at, token.text)
        if token.kind == "field":
            return nodes.Field(at, (token.text[1:],))
        if token.kind == "variable":
            self._known(token)
            return nodes.Variable(at, token.text, ())
        if token.kind == ".":
            return nodes.Dot(at)
        if token.kind == "(":
            return nodes.Nested(at, self._pipeline("parenthesized pipeline", ")"))
        if token.kind == "nil":
            return nodes.Constant(at, None, "nil")
        if token.kind == "bool":
            return nodes.Constant(at, token.text == "true", "bool")
        try:
            if token.kind in {"number", "char"}:
                return nodes.Constant(at, number(token.text), "number")
            return nodes.Constant(at, unquote(token.text), "string")
        except ValueError as error:
            raise self._error(token, f"{error}.") from error

    def _known(self, variable: Token) -> None:
        if variable.text not in self._variables:
            raise self._error(variable, f"undefined variable {variable.text}.")
