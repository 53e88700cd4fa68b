"""Loads manifests: every object that can be read, and a refusal for each that can't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from airflow_provider_stash.resources.appbinding import AppBinding, Secret
from airflow_provider_stash.resources.backup import BackupBatch, BackupBlueprint, BackupConfiguration
from airflow_provider_stash.resources.documents import BadYAMLError, Document, read_documents
from airflow_provider_stash.resources.model import ClusterObject, StashObject
from airflow_provider_stash.resources.refusal import Refusal, describe, nearest
from airflow_provider_stash.resources.repository import Repository
from airflow_provider_stash.resources.restore import RestoreBatch, RestoreSession
from airflow_provider_stash.resources.task import Function, Task

_MODELS: dict[str, type[StashObject]] = {
    str(model.model_fields["kind"].default): model
    for model in (
        Repository, BackupConfiguration, RestoreSession, BackupBatch, RestoreBatch, BackupBlueprint, Task, Function,
        AppBinding, Secret,
    )
}  # fmt: skip
_GROUPS = ("stash.appscode.com", "appcatalog.appscode.com", "repositories.stash.appscode.com")
_MADE_BY_STASH = {"BackupSession", "Snapshot"}
"""What Stash itself made while it ran; nothing here needs them."""
_NEEDED = ("apiVersion", "metadata", "spec", "data", "stringData")

StashObjectT = TypeVar("StashObjectT", bound=StashObject)


@dataclass(frozen=True)
class Loaded:
    """
    An object and where it stands.

    :param object: the object.
    :param file: its manifest's path.
    :param line: where its document begins, from 1.
    :param source: its own document's text; empty where the document holds several.
    """

    object: Any
    file: str
    line: int
    source: str = field(default="", repr=False)

    def refusal(self, path: str, sentence: str) -> Refusal:
        """Refuse a field of it."""
        return Refusal(self.file, self.line, str(self.object), path, sentence)


class Manifests:
    """
    The objects of some files, read when they are asked for.

    :param documents: of the files.
    :param refusals: what has been refused so far.
    """

    def __init__(self, documents: Sequence[Document], refusals: Sequence[Refusal] = ()) -> None:
        self._documents = list(documents)
        self._unread = set(range(len(self._documents)))
        self._objects: dict[tuple[str, str, str], Loaded] = {}
        self._namespaces: dict[str, dict[str, str]] = {}
        self.refusals = list(refusals)

    def get(self, model: type[StashObjectT], namespace: str, name: str) -> StashObjectT | None:
        """Give one object; None where there is none (or none that could be read)."""
        found = self.find(model, namespace, name)
        return cast("StashObjectT", found.object) if found is not None else None

    def find(self, model: type[StashObject], namespace: str, name: str) -> Loaded | None:
        """Give one object with its place; reads only the documents that can hold it."""
        kind = str(model.model_fields["kind"].default)
        key = (kind, namespace, name)
        if key not in self._objects:
            for index in sorted(self._unread):
                if self._documents[index].may_hold(kind, name):
                    self._read(index)
        return self._objects.get(key)

    def all(self, *models: type[StashObject], holding: str = "") -> list[Loaded]:
        """
        Give all objects of some kinds with their places.

        :param holding: read only documents whose text holds this.
        """
        for index in sorted(self._unread):
            if holding in self._documents[index].text:
                self._read(index)
        return [loaded for loaded in self._objects.values() if isinstance(loaded.object, models)]

    def add(self, loaded: Loaded) -> None:
        """Add an object that was made from others; one that is in the manifests stays."""
        read: StashObject = loaded.object
        self._objects.setdefault((read.kind, read.namespace, read.name), loaded)

    def refusal_of(self, model: type[StashObject], namespace: str, name: str) -> Refusal | None:
        """Tell why an object that is asked for is not there; None: it was not refused."""
        where = f"{namespace}/" if namespace else ""
        called = f"{model.model_fields['kind'].default} {where}{name}"
        return next((one for one in self.refusals if one.object == called), None)

    def labels_of(self, namespace: str) -> dict[str, str]:
        """Give the labels of a namespace, as far as the manifests hold its ``Namespace``."""
        for index in sorted(self._unread):
            if self._documents[index].may_hold("Namespace", namespace):
                self._read(index)
        return self._namespaces.get(namespace, {})

    def _read(self, index: int) -> None:
        self._unread.discard(index)
        document = self._documents[index]
        try:
            items = list(document.objects())
        except BadYAMLError as error:
            self.refusals.append(Refusal(document.file, error.line, "", "", str(error)))
            return
        for item in items:
            self._take(item, document, alone=len(items) == 1)

    def _take(self, item: dict[str, Any], document: Document, *, alone: bool) -> None:
        kind, version = item.get("kind"), str(item.get("apiVersion", ""))
        if kind == "Namespace" and version == "v1":
            metadata = _mapping(item.get("metadata"))
            self._namespaces[str(metadata.get("name"))] = _mapping(metadata.get("labels"))
            return
        model = _MODELS.get(str(kind))
        if model is None or version != model.model_fields["api_version"].default:
            self.refusals += self._unknown(item, document)
            return
        try:
            read = model.model_validate(item)
        except ValidationError as error:
            for path, sentence in describe(error, model):
                self._refuse(document, item, path, sentence)
            return
        if not read.name:
            self._refuse(document, item, "metadata.name", "is missing.")
            return
        key = (str(kind), read.namespace, read.name)
        earlier = self._objects.get(key)
        if earlier is not None:
            self._refuse(document, item, "metadata.name", f"is already in {earlier.file}:{earlier.line}.")
            return
        self._objects[key] = Loaded(read, document.file, document.line, document.text if alone else "")

    def _refuse(self, document: Document, item: dict[str, Any], path: str, sentence: str) -> None:
        self.refusals.append(Refusal(document.file, document.line, _called(item), path, sentence))

    @staticmethod
    def _unknown(item: dict[str, Any], document: Document) -> Iterator[Refusal]:
        """Refuse what is Stash's but no object of it; other kinds are nothing to us."""
        kind, version = item.get("kind"), str(item.get("apiVersion", ""))

        def refuse(path: str, sentence: str) -> Refusal:
            return Refusal(document.file, document.line, _called(item), path, sentence)

        if kind is None:
            if any(name in item for name in _NEEDED):
                yield refuse("kind", f"is missing.{nearest('kind', item)}")
        elif version.split("/", maxsplit=1)[0] in _GROUPS and kind not in _MADE_BY_STASH:
            known = _MODELS.get(str(kind))
            if known is None:
                yield refuse("kind", f"{kind!r} is no kind that is known here.{nearest(str(kind), _MODELS)}")
            else:
                expected = known.model_fields["api_version"].default
                yield refuse("apiVersion", f"is {version!r}; a {kind} is of {expected!r} here.")
        elif str(kind) in _MODELS and str(kind) not in {"Task", "Function", "Repository"}:
            expected = _MODELS[str(kind)].model_fields["api_version"].default
            yield refuse("apiVersion", f"is {version!r}; a {kind} is of {expected!r} here.")


def _called(item: dict[str, Any]) -> str:
    """Name an object as one that could be read names itself, as far as it can be told."""
    metadata, kind = _mapping(item.get("metadata")), str(item.get("kind") or "")
    model = _MODELS.get(kind)
    default = "default" if model and not issubclass(model, ClusterObject) and metadata.get("name") else ""
    parts = (metadata.get("namespace") or default, metadata.get("name"))
    name = "/".join(str(part) for part in parts if part)
    return " ".join(filter(None, (kind, name)))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def open_manifests(*paths: str | PathLike[str]) -> Manifests:
    """
    Open manifests; an object is read when it is asked for.

    :param paths: of files, and of directories, which are searched with all below them.
    """
    return Manifests(*read_documents(paths))


def load(*paths: str | PathLike[str]) -> Manifests:
    """
    Read manifests whole, so that ``refusals`` holds all there are to tell.

    :param paths: of files, and of directories, which are searched with all below them.
    """
    manifests = open_manifests(*paths)
    manifests.all()
    return manifests
