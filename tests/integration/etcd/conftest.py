"""etcd of every version there is."""

from pathlib import Path

import pytest

from testbed.binaries import etcd_dirs
from testbed.etcd_cluster import EtcdCluster


@pytest.fixture(scope="module", params=etcd_dirs(), ids=lambda path: Path(path).name)
def binaries(request):
    """The directory of each version's programs."""
    return request.param


@pytest.fixture(scope="module")
def every_cluster(binaries, tmp_path_factory):
    """Three members with TLS and a password, of each version."""
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=binaries) as cluster:
        cluster.fill(500)
        yield cluster
