"""A cluster: of KUBECONFIG, else kubesim, one for all tests of a process."""

import os
from pathlib import Path

import pytest

from tests.kubesim import Kubesim


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    if os.environ.get("KUBECONFIG"):
        yield Path(os.environ["KUBECONFIG"])
        return
    with Kubesim(tmp_path_factory.mktemp("kubesim")) as cluster:
        yield cluster.kubeconfig
