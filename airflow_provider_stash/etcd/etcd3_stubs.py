"""
Loads etcd3's gRPC stubs beside a current protobuf.

etcd3 0.12.0 generated its ``*_pb2`` modules in 2020; protobuf 4 and later refuse to run such code
("Descriptors cannot be created directly"). Each of them holds the serialized descriptor of its
``.proto`` file, which is all that today's protobuf needs to build the same messages.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

_PACKAGE = "etcd3.etcdrpc"
_IMPORT = re.compile(rf"^from {_PACKAGE} import (\w+)", re.MULTILINE)
_SERIALIZED = re.compile(r"^ *serialized_pb=_b\(('(?:[^'\\]|\\.)*')\)$", re.MULTILINE)
"""``_b('...')``: every character stands for one byte."""


def etcdrpc() -> ModuleType:
    """
    Give etcd3's module of messages and stubs (``KVStub``, ``MaintenanceStub``, ...).

    :raises ImportError: when etcd3 is not installed, or its generated modules are not of the form known.
    """
    # What fails is raised, with gRPC's own words in it; on standard error they come once a try.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if _PACKAGE not in sys.modules and not any(isinstance(f, _GeneratedFinder) for f in sys.meta_path):
        sys.meta_path.insert(0, _GeneratedFinder())
    return importlib.import_module(_PACKAGE)


class _GeneratedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Builds ``etcd3.etcdrpc.*_pb2`` from the descriptors in their sources instead of running them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not (fullname.startswith(f"{_PACKAGE}.") and fullname.endswith("_pb2")):
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is None or found.origin is None:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=found.origin)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        from google.protobuf import descriptor_pool
        from google.protobuf.internal import builder

        spec = module.__spec__
        if spec is None or spec.origin is None:
            raise ImportError(f"{module.__name__} has no source to read its descriptor from")
        imports, serialized = _read_generated(Path(spec.origin))
        for name in imports:  # a descriptor can be added only after those it builds upon
            importlib.import_module(f"{_PACKAGE}.{name}")
        descriptor = descriptor_pool.Default().AddSerializedFile(serialized)
        builder.BuildMessageAndEnumDescriptors(descriptor, vars(module))
        builder.BuildTopDescriptorsAndMessages(descriptor, module.__name__, vars(module))
        vars(module)["DESCRIPTOR"] = descriptor


def _read_generated(source: Path) -> tuple[list[str], bytes]:
    """Find which sibling modules a generated module imports, and the serialized descriptor it holds."""
    text = source.read_text(encoding="latin-1")
    # Not by parsing all of its thousands of lines: each task that talks to etcd waits for it.
    literal = _SERIALIZED.search(text)
    if literal is None:
        raise ImportError(f"{source} holds no serialized descriptor: etcd3 0.12 is expected")
    return _IMPORT.findall(text), str(ast.literal_eval(literal[1])).encode("latin-1")
