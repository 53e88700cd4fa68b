"""Repositories of the tests with a key that opens at once, where a step of a worker or of a Job finds them."""

import base64
import json
import tempfile
from pathlib import Path

from airflow_provider_stash.restic.repository import Repository
from testbed.binaries import restics
from testbed.restic_repository import cheapen_key, make_repository


class LocalRepository:
    """A repository on this host."""

    def __init__(self, location, password):
        self.location, self._password = str(location), password

    def make(self):
        """Make it: for a test that is not about that."""
        make_repository(Repository(self.location, self._password, no_cache=True, restic=restics()[0]))

    def cheapen(self):
        """Give one that a step has made a key that opens at once."""
        cheapen_key(Path(self.location), self._password)

    def connection(self):
        """Give a restic connection with its password."""
        return json.dumps({"conn_type": "restic", "host": self.location, "password": self._password})


class ClaimRepository(LocalRepository):
    """
    A repository on a claim.

    :param location: in the containers that have the claim.
    :param run: runs a shell's script in one of them, and gives its output.
    """

    def __init__(self, location, password, run):
        super().__init__(location, password)
        self._run = run

    def make(self):
        with tempfile.TemporaryDirectory() as directory:
            made = LocalRepository(Path(directory, "repository"), self._password)
            made.make()
            self._write(Path(made.location))

    def cheapen(self):
        with tempfile.TemporaryDirectory() as directory:
            keys = Path(directory, "keys")
            keys.mkdir()
            (keys / "key").write_text(self._run(f"cat {self.location}/keys/*"))
            cheapen_key(Path(directory), self._password)
            self._run(f"rm -f {self.location}/keys/*")
            self._write(Path(directory))

    def _write(self, source):
        """Write what a directory of this host has; by any user, as the steps need not be this one."""
        lines = ["set -e", "umask 0", f"mkdir -p {self.location}", f"cd {self.location}"]
        paths = sorted(source.rglob("*"))
        lines.append(f"mkdir -p {' '.join(str(one.relative_to(source)) for one in paths if one.is_dir())}")
        for file in paths:
            if file.is_file():
                content = base64.b64encode(file.read_bytes()).decode()
                lines.append(f"echo {content} | base64 -d > {file.relative_to(source)}")
        told = self._run("\n".join([*lines, "echo written"]))
        assert told == "written\n", told
