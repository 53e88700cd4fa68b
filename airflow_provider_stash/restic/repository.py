"""A restic repository: where it lies, what opens it, and how to reach it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

_BACKENDS = {"s3": "s3", "gs": "gcs", "azure": "azure", "swift": "swift", "b2": "b2", "rest": "rest",
             "sftp": "sftp", "rclone": "rclone"}  # fmt: skip
_S3_PARTS = 2


@dataclass(frozen=True)
class Repository:
    """
    All that restic needs to work on a repository.

    :param location: in restic's syntax; it may hold credentials, and reaches restic by the environment.
    :param password: of the repository.
    :param environment: further variables for restic: credentials of the backend.
    :param secret_files: variables whose value is a file with this content, such as
        ``GOOGLE_APPLICATION_CREDENTIALS``.
    :param ca_cert: PEM of the CA of the backend's server; None: the system's CAs.
    :param client_cert: PEM of a client certificate and its key, for the backend's server.
    :param insecure_tls: take any server certificate.
    :param max_connections: connections to the backend at a time; None: restic's default.
    :param limit_upload: KiB/s; None: no limit.
    :param limit_download: KiB/s; None: no limit.
    :param cache_dir: restic's cache; None: its default place.
    :param no_cache: use no cache.
    :param options: restic's extended options (``-o``), such as ``s3.region``.
    :param restic: the program: a name on PATH, or a path.
    """

    location: str = field(repr=False)
    password: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    ca_cert: bytes | None = field(default=None, repr=False)
    client_cert: bytes | None = field(default=None, repr=False)
    insecure_tls: bool = False
    max_connections: int | None = None
    limit_upload: int | None = None
    limit_download: int | None = None
    cache_dir: str | None = None
    no_cache: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    restic: str = "restic"

    @property
    def scheme(self) -> str:
        """The location's prefix, such as ``s3`` or ``gs``; ``local`` for a path."""
        prefix = self.location.split(":", 1)[0]
        return prefix if prefix in _BACKENDS and ":" in self.location else "local"

    @property
    def backend(self) -> str:
        """The backend in Stash's names: ``local``, ``s3``, ``gcs``, ``azure``, ``swift``, ``b2``, ``rest``."""
        return _BACKENDS.get(self.scheme, "local")

    @property
    def redacted_location(self) -> str:
        """The location without user information, for people to read."""
        return redact_location(self.location)

    @property
    def bucket(self) -> str:
        """The bucket or container; for a path the path; empty where there is none (Stash's metric label)."""
        return self._bucket_and_prefix[0]

    @property
    def prefix(self) -> str:
        """The folder in the bucket (Stash's metric label)."""
        return self._bucket_and_prefix[1]

    @property
    def _bucket_and_prefix(self) -> tuple[str, str]:
        scheme, rest = self.scheme, self.location.split(":", 1)[-1]
        if scheme == "local":
            return self.location.removeprefix("local:"), ""
        if scheme == "s3":
            path = re.sub(r"^(https?://|//)", "", rest)
            host_and_path = path.split("/", 1)
            bucket, _, prefix = (host_and_path[1] if len(host_and_path) == _S3_PARTS else "").partition("/")
            return bucket, prefix.strip("/")
        if scheme in {"gs", "azure", "swift", "b2"}:
            bucket, _, prefix = rest.partition(":")
            return bucket, prefix.strip("/")
        if scheme == "rest":
            return "", urlsplit(rest).path.strip("/")
        return "", rest

    @property
    def secrets(self) -> list[str]:
        """Every text that must not be shown."""
        values = [self.password, *self.environment.values()]
        user_info = re.search(r"://([^/@]*)@", self.location)
        if user_info:
            values += [user_info[1], user_info[1].partition(":")[2]]
        return [value for value in values if value]


def redact_location(location: str) -> str:
    """Write a repository location without user and password."""
    scheme, colon, rest = location.partition(":")
    if scheme not in {"rest", "s3"} or not colon:
        return location
    parts = urlsplit(rest)
    if "@" not in parts.netloc:
        return location
    return f"{scheme}:{urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2]))}"
