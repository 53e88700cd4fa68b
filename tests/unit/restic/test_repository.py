import pytest

from airflow_provider_stash.restic.invocation import build_environment, build_flags
from airflow_provider_stash.restic.repository import Repository


@pytest.mark.parametrize(
    ("location", "backend", "bucket", "prefix"),
    [
        ("/srv/restic", "local", "/srv/restic", ""),
        ("s3:https://s3.example.com:9000/b/p/q", "s3", "b", "p/q"),
        ("s3:s3.amazonaws.com/b", "s3", "b", ""),
        ("gs:b:/p", "gcs", "b", "p"),
        ("azure:b:/p/q", "azure", "b", "p/q"),
        ("swift:b:/", "swift", "b", ""),
        ("b2:b:p", "b2", "b", "p"),
        ("rest:https://u:p@h/repo/x", "rest", "", "repo/x"),
        ("sftp:user@h:/srv", "sftp", "", "user@h:/srv"),
    ],
)
def test_what_the_location_tells(location, backend, bucket, prefix):
    repository = Repository(location, "pw")
    assert (repository.backend, repository.bucket, repository.prefix) == (backend, bucket, prefix)


def test_nothing_secret_is_shown():
    repository = Repository(
        "rest:https://me:hunter2@h/repo", "secret-pw", {"AWS_SECRET_ACCESS_KEY": "topsecret"}
    )
    assert repository.redacted_location == "rest:https://h/repo"
    for secret in ("hunter2", "secret-pw", "topsecret"):
        assert secret not in repr(repository)
        assert secret in repository.secrets


def test_flags_hold_no_secret_and_name_the_options():
    repository = Repository(
        "s3:h/b",
        "pw",
        max_connections=9,
        limit_upload=5,
        insecure_tls=True,
        no_cache=True,
        options={"s3.region": "x"},
    )
    flags = build_flags(repository)
    assert flags == [
        "-o", "s3.region=x", "-o", "s3.connections=9", "--limit-upload", "5", "--insecure-tls", "--no-cache",
    ]  # fmt: skip
    assert not any("pw" in flag for flag in flags)


def test_the_surroundings_do_not_mix_with_what_is_given(monkeypatch):
    monkeypatch.setenv("RESTIC_REPOSITORY", "/elsewhere")
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("GOOGLE_PROJECT_ID", "ambient")
    given = build_environment(Repository("s3:h/b", "pw", {"AWS_ACCESS_KEY_ID": "k"}))
    assert given["RESTIC_REPOSITORY"] == "s3:h/b"
    assert "AWS_PROFILE" not in given
    assert given["GOOGLE_PROJECT_ID"] == "ambient"
    assert build_environment(Repository("s3:h/b", "pw"))["AWS_PROFILE"] == "other"  # the pod's own identity
