"""The restic connection (Stash: Repository and its storage Secret)."""

from __future__ import annotations

from dataclasses import replace

from airflow.sdk.log import mask_secret

from airflow_provider_stash.exceptions import (
    InvalidConfigurationError,
    RepositoryNotFoundError,
    StashError,
)
from airflow_provider_stash.hooks.fields import Fields
from airflow_provider_stash.hooks.manifests import ManifestHook
from airflow_provider_stash.restic.backends import BACKENDS, PASSWORD_KEY, with_credentials
from airflow_provider_stash.restic.repository import Repository

_TEST_TIMEOUT = 15.0
_STASH_KEYS = sorted(
    {key for backend in BACKENDS.values() for key in backend.keys} | {"CA_CERT_DATA", PASSWORD_KEY}
)


class ResticHook(ManifestHook):
    """
    Reads a ``restic`` connection.

    Host: the repository's location in restic's syntax (or in the extra field ``location``, which suits the URI
    form). Password: the repository's. Extra: ``storage_secret`` (the
    backend's credentials under the keys of Stash's storage Secrets, as ``KEY=value`` lines, JSON, YAML or a pasted
    Kubernetes Secret), or those keys themselves; ``aws_conn_id``, ``region``, ``max_connections``,
    ``limit_upload`` and ``limit_download`` (KiB/s), ``cache_dir``, ``no_cache``, ``ca_certificate``,
    ``client_private_key`` (PEM of certificate and key), ``insecure_tls``, ``restic_path``.

    :param restic_conn_id: the connection's id.
    """

    conn_name_attr = "restic_conn_id"
    default_conn_name = "restic_default"
    conn_type = "restic"
    hook_name = "restic repository"

    FIELDS = (
        "location", "storage_secret", "aws_conn_id", "region", "max_connections", "limit_upload", "limit_download",
        "cache_dir", "no_cache", "ca_certificate", "client_private_key", "insecure_tls", "restic_path",
    )  # fmt: skip

    def __init__(self, restic_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.restic_conn_id = restic_conn_id

    def get_conn(self) -> Repository:
        """Give the repository; see ``get_repository``."""
        return self.get_repository()

    def get_repository(self, *, credentials: bool = True) -> Repository:
        """
        Read the connection.

        :param credentials: without, the password and the backend's keys are left out, and may be missing.
        :raises InvalidConfigurationError: a field that can't be meant, by its name, or one that is missing.
        """
        connection = self.get_connection(self.restic_conn_id)
        fields = Fields(self.restic_conn_id, connection.extra_dejson, (*self.FIELDS, *_STASH_KEYS))
        keys = {key: value for key in _STASH_KEYS if (value := fields.secret(key))} | fields.keys(
            "storage_secret"
        )
        location = self._location(connection.host, fields)
        password = connection.password or keys.get(PASSWORD_KEY, "")
        if not password and credentials:
            raise InvalidConfigurationError(
                f"Connection {self.restic_conn_id!r} has no password: the repository's password is needed to encrypt "
                "it and to open it. Keep it in a second place: without it the backups are lost."
            )
        if password:
            mask_secret(password)
        options = (
            {"s3.region": region} if (region := fields.text("region")) and location.startswith("s3:") else {}
        )
        repository = Repository(
            location=location,
            password=password if credentials else "",
            ca_cert=fields.pem("ca_certificate"),
            client_cert=fields.pem("client_private_key", secret=True),
            insecure_tls=fields.flag("insecure_tls"),
            max_connections=fields.whole("max_connections"),
            limit_upload=fields.whole("limit_upload"),
            limit_download=fields.whole("limit_download"),
            cache_dir=fields.text("cache_dir"),
            no_cache=fields.flag("no_cache"),
            options=options,
            restic=fields.text("restic_path") or "restic",
        )
        aws_conn_id = fields.text("aws_conn_id")
        try:
            if aws_conn_id:
                repository = self._with_aws(repository, aws_conn_id)
            if not credentials:
                return replace(repository, environment={}, client_cert=None)
            return with_credentials(repository, {**keys, PASSWORD_KEY: password})
        except InvalidConfigurationError as error:
            raise InvalidConfigurationError(f"Connection {self.restic_conn_id!r}: {error}") from error

    def _location(self, host: str | None, fields: Fields) -> str:
        location = (fields.text("location") or host or "").strip()
        if not location:
            raise InvalidConfigurationError(
                f"Connection {self.restic_conn_id!r} has no repository location: give it as its host, such as "
                "s3:https://s3.example.com/bucket/prefix, rest:https://backup.example.com/ or /srv/restic."
            )
        return location

    def _with_aws(self, repository: Repository, aws_conn_id: str) -> Repository:
        """Take credentials, region and endpoint from an ``aws`` connection, by the amazon provider."""
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        if repository.scheme != "s3":
            raise InvalidConfigurationError(
                f"aws_conn_id is given, but the repository {repository.redacted_location} is not on S3."
            )
        hook = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="s3")
        credentials = hook.get_credentials()
        environment = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        }
        if credentials.token:
            environment["AWS_SESSION_TOKEN"] = credentials.token
        for value in environment.values():
            mask_secret(value)
        options = dict(repository.options)
        region = hook.region_name
        if region and "s3.region" not in options:
            options["s3.region"] = region
        endpoint = hook.conn_config.get_service_endpoint_url("s3")
        location = repository.location
        if endpoint and location.startswith("s3://"):
            location = f"s3:{endpoint.rstrip('/')}/{location.removeprefix('s3://')}"
        return replace(repository, location=location, environment=environment, options=options)

    def get_version(self) -> str:
        """Give restic's version."""
        from airflow_provider_stash.restic.version import restic_version

        return str(restic_version(self.get_repository().restic))

    def test_connection(self) -> tuple[bool, str]:
        """Answer the Test button: whether the repository opens."""
        from airflow_provider_stash.restic.init import ensure_repository
        from airflow_provider_stash.restic.version import OLDEST, restic_version

        try:
            repository = self.get_repository()
            version = restic_version(repository.restic)
            if not version.is_supported:
                oldest = ".".join(map(str, OLDEST))
                return False, f"restic {version} is too old: install {oldest} or later."
            try:
                info = ensure_repository(repository, initialize=False, timeout=_TEST_TIMEOUT)
            except RepositoryNotFoundError:
                return True, (
                    f"There is no repository at {repository.redacted_location} yet: the first backup will make it "
                    f"(restic {version})."
                )
        except StashError as error:
            return False, str(error)
        except Exception as error:  # noqa: BLE001 - the button shows a sentence, never a trace
            return False, f"The connection {self.restic_conn_id!r} can't be used: {error}"
        return True, (
            f"The repository {info.id[:10]} (format {info.version}) at {repository.redacted_location} opens "
            f"(restic {version})."
        )
