"""A parsed template, and its rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_stash.exceptions import GoTemplateError
from airflow_provider_stash.gotemplate import nodes
from airflow_provider_stash.gotemplate.functions import FUNCTIONS
from airflow_provider_stash.gotemplate.parser import Parser
from airflow_provider_stash.gotemplate.values import (
    NO_VALUE,
    CallError,
    Struct,
    StructError,
    text,
    truth,
    type_name,
    unfit,
)

_MISSING = object()
_LONGEST = 1 << 20


def parse(text: str) -> Template:
    """
    Parse a template.

    :param text: the template, in the syntax of Go's text/template; ``define``, ``template`` and ``block`` are
        beyond it, and so are functions that are in neither Go nor the part of sprig that is here.
    :raises GoTemplateError: with line and column.
    """
    parser = Parser(text, FUNCTIONS)
    try:
        return Template(text, parser.parse(), parser)
    except RecursionError as error:
        raise GoTemplateError("it is nested too deeply.", 1, 1) from error


@dataclass(frozen=True, repr=False)
class Template:
    """
    A parsed template.

    :param text: what was parsed.
    """

    text: str
    _tree: tuple[nodes.Node, ...]
    _parser: Parser

    def render(self, data: Mapping[str, Any]) -> str:
        """
        Render the template.

        :param data: what ``.`` is; a ``Struct`` for data whose fields are known, a dict for a map.
        :raises GoTemplateError: with line and column.
        """
        rendering = _Rendering(self._parser, [("$", data)])
        try:
            rendering.walk(self._tree, data)
        except RecursionError as error:
            raise GoTemplateError("it is nested too deeply.", 1, 1) from error
        return "".join(rendering.written)


class _Left(Exception):  # noqa: N818  # no error: the way out of a range
    """``break`` or ``continue``."""


class _Break(_Left):
    pass


class _Continue(_Left):
    pass


@dataclass
class _Rendering:
    """One run through a template."""

    parser: Parser
    variables: list[tuple[str, Any]]
    written: list[str] = field(default_factory=list)
    length: int = 0

    def error(self, node: nodes.Node | nodes.Pipeline, message: str) -> GoTemplateError:
        return self.parser.lexer.error(node.offset, message)

    def of_call(self, node: nodes.Node | nodes.Pipeline, error: CallError, name: str = "") -> GoTemplateError:
        made = self.error(node, f"{name}: {error}" if name else str(error))
        return NeverRendersError.of(made) if isinstance(error, StructError) else made

    def write(self, node: nodes.Node, written: str) -> None:
        self.length += len(written)
        if self.length > _LONGEST:
            raise self.error(node, f"the result is longer than {_LONGEST} characters.")
        self.written.append(written)

    # --- nodes ------------------------------------------------------------------------------------

    def walk(self, found: tuple[nodes.Node, ...], dot: Any) -> None:
        for node in found:
            if isinstance(node, nodes.Text):
                self.write(node, node.text)
            elif isinstance(node, nodes.Action):
                value = self.pipeline(node.pipeline, dot)
                if not node.pipeline.variables:
                    self.print(node, value)
            elif isinstance(node, nodes.Branch):
                self.branch(node, dot)
            elif isinstance(node, nodes.Leave):
                raise _Break if node.kind == "break" else _Continue

    def print(self, node: nodes.Node, value: Any) -> None:
        try:
            self.write(node, text(value))
        except CallError as error:
            raise self.of_call(node, error) from error

    def branch(self, node: nodes.Branch, dot: Any) -> None:
        mark = len(self.variables)
        if node.kind == "range":
            self.range(node, dot)
        else:
            value = self.pipeline(node.pipeline, dot)
            if truth(value):
                self.walk(node.then, value if node.kind == "with" else dot)
            else:
                self.walk(node.otherwise, dot)
        del self.variables[mark:]

    def range(self, node: nodes.Branch, dot: Any) -> None:
        pipeline = node.pipeline
        value = self.pipeline(pipeline, dot)
        if isinstance(value, list):
            pairs: list[tuple[Any, Any]] = list(enumerate(value))
        elif isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif value is NO_VALUE:
            pairs = []
        else:
            raise self.of_call(pipeline, unfit(value, f"range can't go over {type_name(value)}."))
        if not pairs:
            self.walk(node.otherwise, dot)
            return
        mark = len(self.variables)
        for key, element in pairs:
            of_names = [element] if len(pipeline.variables) == 1 else [key, element]
            for name, one in zip(pipeline.variables, of_names, strict=False):
                self.set(pipeline, name, one)
            try:
                self.walk(node.then, element)
            except _Break:
                break
            except _Continue:
                pass
            finally:
                del self.variables[mark:]

    # --- pipelines --------------------------------------------------------------------------------

    def pipeline(self, pipeline: nodes.Pipeline, dot: Any) -> Any:
        value = self.commands(pipeline, dot)
        for name in pipeline.variables:
            self.set(pipeline, name, value)
        return value

    def commands(self, pipeline: nodes.Pipeline, dot: Any) -> Any:
        value: Any = _MISSING
        for command in pipeline.commands:
            value = self.command(command, dot, value)
            if value is None:  # of what a pipeline gives Go forgets that it was nil
                value = NO_VALUE
        return value

    def set(self, pipeline: nodes.Pipeline, name: str, value: Any) -> None:
        if not pipeline.assigns:
            self.variables.append((name, value))
            return
        for at in range(len(self.variables) - 1, -1, -1):
            if self.variables[at][0] == name:
                self.variables[at] = (name, value)
                return
        raise self.error(pipeline, f"undefined variable {name}.")

    def variable(self, node: nodes.Variable) -> Any:
        for name, value in reversed(self.variables):
            if name == node.name:
                return value
        raise self.error(node, f"undefined variable {node.name}.")

    def command(self, command: nodes.Command, dot: Any, piped: Any) -> Any:
        first, *rest = command.arguments
        if isinstance(first, nodes.Function):
            return self.function(first, rest, dot, piped)
        if rest or piped is not _MISSING:
            raise self.error(first, "arguments are given to what is no function.")
        if isinstance(first, nodes.Constant) and first.kind == "nil":
            raise self.error(first, "nil is not a command.")
        return self.operand(first, dot)

    def operand(self, node: nodes.Node, dot: Any) -> Any:
        if isinstance(node, nodes.Constant):
            return node.value
        if isinstance(node, nodes.Dot):
            return dot
        if isinstance(node, nodes.Field):
            return self.fields(node, dot, node.names)
        if isinstance(node, nodes.Variable):
            return self.fields(node, self.variable(node), node.names)
        if isinstance(node, nodes.Nested):
            return self.pipeline(node.pipeline, dot)
        if isinstance(node, nodes.Chain):
            return self.fields(node, self.operand(node.term, dot), node.names)
        assert isinstance(node, nodes.Function)
        return self.function(node, [], dot, _MISSING)

    def fields(self, node: nodes.Node, value: Any, names: tuple[str, ...]) -> Any:
        of_struct = False
        for name in names:
            if value is NO_VALUE:
                continue
            if value is None:
                raise self.error(node, f".{name} is asked of nil.")
            if isinstance(value, Struct):
                if name not in value:
                    known = ", ".join(f".{one}" for one in value)
                    error = self.error(node, f"there is no field .{name} here; there are {known}.")
                    raise UnknownFieldError.of(error)
                value, of_struct = value[name], True
            elif isinstance(value, dict):
                value, of_struct = value.get(name, NO_VALUE), False
            else:
                error = self.error(node, f".{name} is asked of {type_name(value)}, which has no fields.")
                raise NeverRendersError.of(error) if of_struct else error
        return value

    # --- functions --------------------------------------------------------------------------------

    def function(self, node: nodes.Function, given: list[nodes.Node], dot: Any, piped: Any) -> Any:
        if node.name in {"and", "or"}:
            return self.and_or(node, given, dot, piped)
        values = [self.operand(one, dot) for one in given]
        if piped is not _MISSING:
            values.append(piped)
        try:
            return FUNCTIONS[node.name](values)
        except CallError as error:
            raise self.of_call(node, error, node.name) from error

    def and_or(self, node: nodes.Function, given: list[nodes.Node], dot: Any, piped: Any) -> Any:
        """Evaluate the arguments only as far as they decide."""
        if not given and piped is _MISSING:
            raise self.error(node, f"{node.name}: wrong number of arguments: give at least 1.")
        value: Any = None
        for one in given:
            value = self.operand(one, dot)
            if truth(value) == (node.name == "or"):
                return value
        return value if piped is _MISSING else piped


class NeverRendersError(GoTemplateError):
    """What no other data of this kind can change: it can be told before there is any."""

    @classmethod
    def of(cls, error: GoTemplateError) -> NeverRendersError:
        """Make one of an error."""
        return cls(error.message, error.line, error.column)


class UnknownFieldError(NeverRendersError):
    """A field that the data does not have."""
