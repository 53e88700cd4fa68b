"""What each backend of restic needs, under the keys of Stash's storage Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit, urlunsplit

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.repository import Repository

PASSWORD_KEY = "RESTIC_PASSWORD"  # noqa: S105 - the name of a key
CA_KEY = "CA_CERT_DATA"
GCS_FILE_KEY = "GOOGLE_SERVICE_ACCOUNT_JSON_KEY"
_REST_USER, _REST_PASSWORD = "REST_SERVER_USERNAME", "REST_SERVER_PASSWORD"


@dataclass(frozen=True, slots=True)
class Backend:
    """
    One of restic's backends.

    :param name: as Stash names it.
    :param keys: all it can take.
    :param one_of: sets of keys, one of which must be whole; none: it also works without any.
    :param together: sets of keys of which all must be given or none.
    """

    name: str
    keys: frozenset[str] = frozenset()
    one_of: tuple[frozenset[str], ...] = ()
    together: tuple[frozenset[str], ...] = ()


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AWS_PAIR = _keys("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY")
_SWIFT = (
    _keys("ST_AUTH ST_USER ST_KEY"),  # Keystone v1
    _keys("OS_AUTH_URL OS_USERNAME OS_PASSWORD"),  # Keystone v2 and v3
    _keys("OS_AUTH_URL OS_APPLICATION_CREDENTIAL_ID OS_APPLICATION_CREDENTIAL_SECRET"),
    _keys("OS_AUTH_URL OS_USERNAME OS_APPLICATION_CREDENTIAL_NAME OS_APPLICATION_CREDENTIAL_SECRET"),
    _keys("OS_STORAGE_URL OS_AUTH_TOKEN"),
)

BACKENDS: Mapping[str, Backend] = {
    "local": Backend("local"),
    "s3": Backend(
        "s3",
        _AWS_PAIR | _keys("AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_PROFILE AWS_SHARED_CREDENTIALS_FILE"),
        together=(_AWS_PAIR,),
    ),
    "gs": Backend("gcs", _keys(f"GOOGLE_PROJECT_ID {GCS_FILE_KEY}")),
    "azure": Backend(
        "azure",
        _keys("AZURE_ACCOUNT_NAME AZURE_ACCOUNT_KEY AZURE_ACCOUNT_SAS AZURE_ENDPOINT_SUFFIX"),
        one_of=(_keys("AZURE_ACCOUNT_NAME"),),
    ),
    "swift": Backend(
        "swift",
        frozenset().union(*_SWIFT)
        | _keys(
            "OS_REGION_NAME OS_TENANT_ID OS_TENANT_NAME OS_USER_ID OS_USER_DOMAIN_NAME OS_USER_DOMAIN_ID "
            "OS_PROJECT_NAME OS_PROJECT_DOMAIN_NAME OS_PROJECT_DOMAIN_ID OS_TRUST_ID"
        ),
        one_of=_SWIFT,
    ),
    "b2": Backend(
        "b2", _keys("B2_ACCOUNT_ID B2_ACCOUNT_KEY"), one_of=(_keys("B2_ACCOUNT_ID B2_ACCOUNT_KEY"),)
    ),
    "rest": Backend(
        "rest", _keys(f"{_REST_USER} {_REST_PASSWORD}"), together=(_keys(f"{_REST_USER} {_REST_PASSWORD}"),)
    ),
    "sftp": Backend("sftp"),
    "rclone": Backend("rclone"),
}


def with_credentials(repository: Repository, keys: Mapping[str, str]) -> Repository:
    """
    Give a repository the credentials of its backend.

    :param repository: with its location.
    :param keys: in the names of Stash's storage Secrets; ``RESTIC_PASSWORD`` and ``CA_CERT_DATA`` fit all.
    :return: the repository, with environment, files and CA; a REST server's user goes into the location.
    :raises InvalidConfigurationError: an unknown key, or one that is missing.
    """
    scheme = repository.scheme
    backend = BACKENDS[scheme]
    given = {key: value for key, value in keys.items() if value != ""}
    _check(backend, set(given) - {PASSWORD_KEY, CA_KEY})
    files = dict(repository.secret_files)
    if GCS_FILE_KEY in given:
        files["GOOGLE_APPLICATION_CREDENTIALS"] = given[GCS_FILE_KEY].encode()
    location = repository.location
    if scheme == "rest" and _REST_USER in given:
        location = _with_user(location, given[_REST_USER], given[_REST_PASSWORD])
    not_variables = {PASSWORD_KEY, CA_KEY, GCS_FILE_KEY, _REST_USER, _REST_PASSWORD}
    return replace(
        repository,
        location=location,
        password=given.get(PASSWORD_KEY, repository.password),
        environment={
            **repository.environment,
            **{key: value for key, value in given.items() if key not in not_variables},
        },
        secret_files=files,
        ca_cert=given[CA_KEY].encode() if CA_KEY in given else repository.ca_cert,
    )


def _check(backend: Backend, given: set[str]) -> None:
    for key in sorted(given - backend.keys):
        import difflib  # each start of a step reads this module

        known = sorted(backend.keys | {PASSWORD_KEY, CA_KEY})
        near = difflib.get_close_matches(key, known, n=1)
        raise InvalidConfigurationError(
            f"The {backend.name} backend takes no key {key!r}"
            + (f"; is {near[0]!r} meant?" if near else f"; it takes {', '.join(known)}.")
        )
    for keys in backend.together:
        if given & keys and not keys <= given:
            raise InvalidConfigurationError(
                f"The {backend.name} backend needs {' and '.join(sorted(keys))} together: "
                f"{', '.join(sorted(keys - given))} is missing."
            )
    if backend.one_of and not any(keys <= given for keys in backend.one_of):
        ways = "; or ".join(", ".join(sorted(keys)) for keys in backend.one_of)
        raise InvalidConfigurationError(f"The {backend.name} backend needs credentials: {ways}.")


def _with_user(location: str, user: str, password: str) -> str:
    """Restic before 0.16 takes a REST server's user from the location alone."""
    parts = urlsplit(location.removeprefix("rest:"))
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    return f"rest:{urlunsplit(parts._replace(netloc=netloc))}"
