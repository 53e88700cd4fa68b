"""Finds the programs that the servers are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from airflow_provider_stash.etcd.tools import find_tool


def find(name: str, *, directory: str | None = None) -> str:
    """
    Find a program: in ``directory``, on PATH, or beside this Python.

    :raises RuntimeError: it is not there; says how to get it.
    """
    own = str(Path(sys.executable).parent)
    path = directory or os.pathsep.join([os.environ.get("PATH", ""), own])
    found = shutil.which(name, path=path)
    if found is None:
        raise RuntimeError(f"{name} is not to be found in {path}: run scripts/setup test")
    return found


def etcd_dirs() -> list[str]:
    """Give a directory for each etcd version there is, the default first (``STASH_TEST_ETCDS``)."""
    given = os.environ.get("STASH_TEST_ETCDS")
    return given.split(os.pathsep) if given else [str(Path(find("etcd")).parent)]


def newest_etcd() -> str:
    """Give the directory of the newest etcd there is."""
    return max(etcd_dirs(), key=lambda directory: find_tool(directory).version)


def restics() -> list[str]:
    """Give a restic of each version there is, the default first (``STASH_TEST_RESTICS``)."""
    given = os.environ.get("STASH_TEST_RESTICS")
    return given.split(os.pathsep) if given else [find("restic")]
