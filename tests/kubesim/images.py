"""Images: a name for a set of programs on this host."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """
    What a container of this image runs with. Its root is an overlay of this host's.

    :param path: directories before the system's on PATH.
    :param entrypoint: what runs when the container names no command.
    :param environment: further variables.
    """

    path: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ("/bin/sh",)
    environment: Mapping[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """Give the variables that the image sets."""
        return {"PATH": ":".join([*self.path, SYSTEM_PATH]), "HOME": "/root", **self.environment}


class Images:
    """All images there are, by name or pattern (``alpine:*``); others can't be pulled."""

    def __init__(self, known: Mapping[str, Image]) -> None:
        self._known = known

    def find(self, name: str) -> Image | None:
        """Give an image, or None."""
        return next(
            (image for pattern, image in self._known.items() if fnmatch.fnmatchcase(name, pattern)), None
        )


def write(images: Mapping[str, Image], file: Path) -> None:
    """Write images for the simulator's process to read."""
    file.write_text(json.dumps({name: asdict(image) for name, image in images.items()}))


def read(file: Path) -> Images:
    """Read what ``write`` wrote."""
    return Images(
        {
            name: Image(tuple(one["path"]), tuple(one["entrypoint"]), one["environment"])
            for name, one in json.loads(file.read_text()).items()
        }
    )
