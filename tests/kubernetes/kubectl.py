"""Runs kubectl's command lines as a reader of the docs does."""

import os
import subprocess
from pathlib import Path

import yaml

from testbed.binaries import find


class Kubectl:
    """
    kubectl, as a user of a cluster.

    :param kubeconfig: of that user.
    :param directory: where it runs: of the files that it is given and that it writes.
    """

    def __init__(self, kubeconfig, directory):
        self.directory = directory
        config = yaml.safe_load(kubeconfig.read_text())
        if any(
            one["name"] == "tls" for one in config["contexts"]
        ):  # kubesim's: without TLS it sends no token
            config["current-context"] = "tls"
        own = directory / "kubeconfig"
        own.touch(mode=0o600)
        own.write_text(yaml.safe_dump(config))
        # The home is for its cache.
        self._env = {
            "PATH": f"{Path(find('kubectl')).parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(own),
            "HOME": str(directory),
        }

    def run(self, line):
        """Run a command line in a shell; gives what it writes."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.directory,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout
