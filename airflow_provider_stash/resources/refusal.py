"""What can't be taken from a manifest, and why, for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Something in the manifests that can't be done here.

    :param file: the manifest's path.
    :param line: where its object begins, from 1.
    :param object: kind, namespace and name, such as ``BackupConfiguration demo/etcd-backup``; empty: the file itself.
    :param field: path of the field, such as ``spec.target.ref.kind``; empty: the object as a whole.
    :param sentence: what is wrong, and what to do.
    """

    file: str
    line: int
    object: str
    field: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.object, self.field, self.sentence) if part)


class Refused(Exception):  # noqa: N818 - it ends the way of one object, and is no failure of the program
    """
    Raised while an object is read or translated: its ``field`` and ``sentence`` become a ``Refusal``.

    :param field: path of the field.
    :param sentence: what is wrong, and what to do.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}" if field else sentence)
        self.field, self.sentence = field, sentence


def nearest(name: str, known: Iterable[str]) -> str:
    """Write a question that offers the nearest known name, with a space before it; empty where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Is {near[0]!r} meant?" if near else ""


def path_of(location: Iterable[str | int]) -> str:
    """Write where a value is, such as ``spec.rules[0].snapshots``."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{step}"
    return path


def describe(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """
    Turn pydantic's errors into pairs of a field's path and a sentence.

    :param model: what was validated, for the names that are known where an unknown one stands.
    """
    told = []
    for one in error.errors(include_url=False, include_input=False):
        location, kind = one["loc"], one["type"]
        path = path_of(location)
        if kind == "extra_forbidden":
            name = str(location[-1])
            sentence = f"is not a field that Stash knows.{nearest(name, _fields_at(model, location[:-1]))}"
        elif kind == "missing":
            sentence = "is missing."
        elif kind == "nearest":  # told by a validator of our own, which knows where
            context: dict[str, Any] = one.get("ctx") or {}
            path = path + context.get("path", "")
            sentence = one["msg"]
        else:
            sentence = _sentence(kind, one["msg"])
        told.append((path, sentence))
    return told


_EXPECTED = {
    "string_type": "is not a text: put it in quotes.",
    "int_type": "is not a whole number.",
    "bool_type": "is neither true nor false.",
    "list_type": "is not a list.",
    "dict_type": "is not a mapping.",
    "model_type": "is not a mapping of fields.",
    "model_attributes_type": "is not a mapping of fields.",
}


def _sentence(kind: str, message: str) -> str:
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    if kind == "literal_error":
        return f"must be {text}."
    if text != message and message.startswith("Input"):
        return f"should be {text}."
    return text if text.endswith((".", "?")) else f"{text}."


def _fields_at(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """Look up the names of the fields of the model at a location."""
    current: Any = model
    for step in location:
        if isinstance(step, int):
            continue
        field = next((one for one in current.model_fields.values() if one.alias == step), None)
        current = _model_in(field.annotation) if field is not None else None
        if current is None:
            return []
    return [str(field.alias) for field in current.model_fields.values()]


def _model_in(annotation: Any) -> Any:
    """Find the model in an annotation such as ``list[Rule] | None``."""
    from typing import get_args

    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)
