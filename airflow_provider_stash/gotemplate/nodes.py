"""What a template consists of, once it is parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """
    A part of a template.

    :param offset: where it begins in the text.
    """

    offset: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A string, number, truth value or nil."""

    value: Any
    kind: str


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """The data: ``.``."""


@dataclass(frozen=True, slots=True)
class Field(Node):
    """Fields of the data: ``.Status.Phase``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """A variable, perhaps with fields: ``$x.Phase``."""

    name: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function(Node):
    """A function's name."""

    name: str


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Fields of a term in parentheses: ``(dict "a" 1).a``."""

    term: Node
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command(Node):
    """An operand, or a function with its arguments."""

    arguments: tuple[Node, ...]


@dataclass(slots=True)
class Pipeline:
    """
    Commands, each given the value of the one before.

    :param offset: where it begins in the text.
    :param variables: the variables that take the value.
    :param assigns: whether the variables are there already (``=``, not ``:=``).
    """

    offset: int
    commands: list[Command] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Nested(Node):
    """A pipeline in parentheses."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Action(Node):
    """A pipeline whose value is printed, unless it sets variables."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """``if``, ``with`` or ``range``, by its ``kind``."""

    kind: str
    pipeline: Pipeline
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Leave(Node):
    """``break`` or ``continue``, by its ``kind``."""

    kind: str
