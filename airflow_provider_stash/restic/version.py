"""restic's version, and what it can do."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from airflow_provider_stash.exceptions import ResticError, ResticNotInstalledError

OLDEST = (0, 14, 0)


@dataclass(frozen=True, slots=True, order=True)
class ResticVersion:
    """restic's version: three numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def has_exit_codes(self) -> bool:
        """Whether exit codes tell no repository (10), locked (11) and wrong password (12): from 0.17 on."""
        return (self.major, self.minor) >= (0, 17)

    @property
    def takes_stdin_paths(self) -> bool:
        """Whether ``--stdin-filename`` may have directories: 0.18.0 refuses them, before and after may."""
        return (self.major, self.minor, self.patch) != (0, 18, 0)

    @property
    def has_repair(self) -> bool:
        """Whether ``rebuild-index`` is called ``repair index``: from 0.16 on."""
        return (self.major, self.minor) >= (0, 16)

    @property
    def is_supported(self) -> bool:
        """Whether it is 0.14.0, the oldest tried, or later."""
        return (self.major, self.minor, self.patch) >= OLDEST


def restic_version(restic: str = "restic") -> ResticVersion:
    """
    Ask restic for its version.

    :param restic: the program: a name on PATH, or a path.
    :raises ResticNotInstalledError: there is none.
    :raises ResticError: it does not tell.
    """
    path = shutil.which(restic)
    if path is None:
        raise ResticNotInstalledError(
            f"The program {restic!r} is not to be found. Install restic (apt-get install restic), or set its "
            "path in the restic connection."
        )
    done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=30, check=False)
    match = re.search(r"restic (\d+)\.(\d+)\.(\d+)", done.stdout)
    if match is None:
        raise ResticError(f"{path} did not tell its version; it said: {(done.stdout or done.stderr)[:200]!r}")
    return ResticVersion(int(match[1]), int(match[2]), int(match[3]))
