"""A one-process Kubernetes for tests. See README.md."""

from tests.kubesim.images import Image
from tests.kubesim.simulator import Kubesim

__all__ = ["Image", "Kubesim"]
