"""A browser for the tests of what people see: Debian's Chromium, or the one on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_UNPACKED = Path(__file__).parents[1] / ".tools" / "chromium"
_PROGRAM = _UNPACKED / "usr" / "lib" / "chromium" / "chromium-headless-shell"
_NAMES = ("chromium-headless-shell", "chromium", "google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """
    Start a headless browser.

    :raises RuntimeError: there is none.
    """
    from playwright.sync_api import sync_playwright

    program, env = _find()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, env={**env})
        try:
            yield started
        finally:
            started.close()


def _find() -> tuple[str, dict[str, str]]:
    env = dict(os.environ)
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found, env
    if not _PROGRAM.exists():
        raise RuntimeError("There is no browser: run scripts/setup test.")
    libraries = sorted({str(path.parent) for path in (_UNPACKED / "usr" / "lib").rglob("*.so*")})
    env["LD_LIBRARY_PATH"] = ":".join([*libraries, env.get("LD_LIBRARY_PATH", "")]).rstrip(":")
    env["XDG_DATA_HOME"] = str(_UNPACKED / "usr" / "share")  # fontconfig looks for fonts there too
    fonts = _UNPACKED / "etc" / "fonts"
    if fonts.exists():
        env["FONTCONFIG_PATH"] = str(fonts)
    return str(_PROGRAM), env
