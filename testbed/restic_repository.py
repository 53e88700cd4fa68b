"""Makes repositories of the tests, with a key that opens at once: restic takes half a second of each start for it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from airflow_provider_stash.restic.process import run
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.version import restic_version

_NONCE, _MAC = 16, 16
_PASSWORD = "template"
_TOOLS = Path(__file__).parents[1] / ".tools"


def make_repository(repository: Repository, version: int = 2) -> None:
    """
    Make a repository as ``restic init`` does: the first of a restic's version by that, others are its copies.

    :param repository: on local disk, or on a REST server.
    :param version: of its format.
    """
    template = _template(repository.restic, version)
    if repository.location.startswith("rest:"):
        with tempfile.TemporaryDirectory(prefix="stash-repository-") as directory:
            place = Path(directory) / "repository"
            _copy(template, place, repository.password)
            _upload(place, repository.location.removeprefix("rest:"))
    else:
        _copy(template, Path(repository.location), repository.password)


def _copy(template: Path, place: Path, password: str) -> None:
    shutil.copytree(template, place)
    cheapen_key(place, _PASSWORD, password)


def _upload(template: Path, address: str) -> None:
    parts = urlsplit(address)
    plain = f"{parts.scheme}://{parts.hostname}:{parts.port}{parts.path.rstrip('/')}/"
    user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    (key,) = (template / "keys").iterdir()
    for path, content in (
        ("?create=true", b""),
        ("config", (template / "config").read_bytes()),
        (f"keys/{key.name}", key.read_bytes()),
    ):
        request = urllib.request.Request(f"{plain}{path}", content, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60):
            pass


@cache
def _template(restic: str, version: int) -> Path:
    """Give what ``restic init`` makes; kept with the tools, as it takes long."""
    made = _TOOLS / f"repository-{restic_version(restic)}-format-{version}"
    if not made.exists():
        _TOOLS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_TOOLS) as directory:
            place = Path(directory) / "repository"
            run(
                Repository(str(place), _PASSWORD, no_cache=True, restic=restic),
                ["init", "--repository-version", str(version)],
            )
            cheapen_key(place, _PASSWORD)
            try:
                place.rename(made)  # whole, or not at all
            except OSError:
                if not made.exists():  # else another process was first
                    raise
    return made


def cheapen_key(repository: Path, password: str, new_password: str | None = None) -> None:
    """
    Encrypt a repository's master key anew, with a password that takes few rounds to check.

    After restic's design document, "Keys, Encryption and MAC": scrypt gives the keys of AES-256-CTR and Poly1305-AES.

    :param repository: directory of the repository; it has one key.
    :param password: that opens it.
    :param new_password: that opens it from now on; the same when None.
    """
    (file,) = (repository / "keys").iterdir()
    key = json.loads(file.read_bytes())
    sealed = base64.b64decode(key["data"])
    encryption, _, _ = _derive(password, key)
    master = _aes_ctr(encryption, sealed[:_NONCE], sealed[_NONCE:-_MAC])
    key.update(N=2, r=1, p=1, salt=base64.b64encode(os.urandom(64)).decode())
    encryption, mac_key, mac_r = _derive(password if new_password is None else new_password, key)
    nonce = os.urandom(_NONCE)
    text = _aes_ctr(encryption, nonce, master)
    mask = Cipher(algorithms.AES(mac_key), modes.ECB()).encryptor().update(nonce)  # noqa: S305 one block
    key["data"] = base64.b64encode(nonce + text + Poly1305.generate_tag(mac_r + mask, text)).decode()
    content = json.dumps(key).encode()
    file.with_name(hashlib.sha256(content).hexdigest()).write_bytes(content)
    file.unlink()


def _derive(password: str, key: dict[str, object]) -> tuple[bytes, bytes, bytes]:
    """Derive the keys of encryption and, in two parts, of the MAC."""
    n, r, p = (int(str(key[name])) for name in ("N", "r", "p"))
    salt = base64.b64decode(str(key["salt"]))
    derived = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=1 << 30, dklen=64)
    return derived[:32], derived[32:48], derived[48:]


def _aes_ctr(key: bytes, nonce: bytes, text: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor().update(text)
