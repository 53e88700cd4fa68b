"""What Stash's jobs run, under the paths that it has there: with a root directory of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from airflow_provider_stash.restic.repository import Repository
from testbed.restic_repository import make_repository

PASSWORD = "stash-repository-password"
_LIBRARY = re.compile(r"(/\S+) \(0x")


class StashJob:
    """
    restic as in the image of Stash's etcd addon; needs root or user namespaces, as Debian's kernels allow them.

    :param directory: for the root directory.
    :param restic: the program; Stash's is of before format 2.
    """

    def __init__(self, directory: Path, restic: str) -> None:
        self._at(directory)
        for part in (self.root / "bin", self.root / "tmp", self.data):
            part.mkdir(parents=True)
        shutil.copy(restic, self.root / "bin" / "restic")
        # A static program has no libraries, and ldd then fails.
        listed = subprocess.run(["ldd", restic], capture_output=True, text=True, check=False)
        for library in _LIBRARY.findall(listed.stdout):
            target = self.root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

    def _at(self, directory: Path) -> None:
        self.root = directory / "root"
        self.data = self.root / "stash-tmp" / "data"

    def copy(self, directory: Path) -> StashJob:
        """Give the same in another directory, the repository with it."""
        made = StashJob.__new__(StashJob)
        made._at(directory)
        shutil.copytree(self.root, made.root)
        return made

    @property
    def location(self) -> str:
        """The repository, as seen from outside."""
        return str(self.root / "repository")

    def restic(self, *arguments: str) -> str:
        """Run restic as Stash's wrapper does, and give its output."""
        enter = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        done = subprocess.run(
            [*enter, f"--root={self.root}", "/bin/restic", *arguments, "--no-cache"],
            env={"RESTIC_REPOSITORY": "/repository", "RESTIC_PASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"restic {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def initialize(self) -> None:
        """Make the repository: restic 0.13 knew format 1 alone."""
        made = Repository(self.location, PASSWORD, no_cache=True, restic=str(self.root / "bin" / "restic"))
        make_repository(made, version=1)

    def back_up(self, host: str = "host-0") -> None:
        """Back up the directory that ``etcdctl snapshot save`` has written to."""
        self.restic("backup", "/stash-tmp/data", "--quiet", "--json", "--host", host)

    def apply_retention(self, keep_last: int) -> None:
        """Apply a retention policy."""
        self.restic("forget", "--quiet", "--json", "--keep-last", str(keep_last))

    def restore(self, snapshot: str = "latest") -> Path:
        """Restore into ``/``, as the restore job does, and give the file that etcdctl then reads."""
        file = self.data / "snapshot.db"
        file.unlink(missing_ok=True)
        self.restic("restore", snapshot, "--target", "/")
        return file
