"""What came to Kubernetes with a version."""

import re

import pytest
from kubernetes import client


def need_version(api, minor, what):
    """Skip a test of what this cluster is too old for."""
    found = client.VersionApi(api).get_code()
    if int(re.match(r"\d+", found.minor)[0]) < minor:  # some add a plus sign
        pytest.skip(f"{what}: since Kubernetes 1.{minor}, and this is {found.git_version}")
