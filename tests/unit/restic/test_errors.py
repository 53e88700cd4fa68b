"""The texts are restic's own, of 0.14, 0.18.0 and 0.19.1."""

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.errors import translate
from airflow_provider_stash.restic.repository import Repository

REPOSITORY = Repository("rest:http://me:hunter2@h/repo", "pw")
LOCK = """unable to create lock in backend: repository is already locked exclusively by PID 71 on h by root (UID 0, GID 0)
lock was created at 2026-11-23 20:55:28 (1.2s ago)
storage ID 7d2c1a4e"""


@pytest.mark.parametrize(
    ("code", "text", "kind", "retryable"),
    [
        (1, "Fatal: wrong password or no key found", e.WrongRepositoryPasswordError, False),
        (12, "Fatal: wrong password or no key found", e.WrongRepositoryPasswordError, False),
        (1, LOCK, e.RepositoryLockedError, True),
        (11, LOCK, e.RepositoryLockedError, True),
        (
            1,
            "Fatal: unable to open config file: stat /r/config: no such file or directory\nIs there a repository at",
            e.RepositoryNotFoundError,
            False,
        ),
        (
            10,
            "Fatal: repository does not exist: unable to open config file",
            e.RepositoryNotFoundError,
            False,
        ),
        (
            1,
            'Fatal: unable to open config file: Head "http://h/": dial tcp 127.0.0.1:1: connect: connection refused\n'
            "Is there a repository at the following location?",
            e.BackendError,
            True,
        ),
        (
            1,
            "Fatal: unable to save snapshot: write /r/data/x: no space left on device",
            e.NoSpaceError,
            False,
        ),
        (
            1,
            'invalid id "abcdef12": no matching ID found for prefix "abcdef12"',
            e.SnapshotNotFoundError,
            False,
        ),
        (1, "Load(<data/1>): ciphertext verification failed", e.RepositoryDamagedError, False),
        (
            1,
            "Stat: The request signature we calculated does not match the signature you provided",
            e.BackendError,
            True,
        ),
        (1, "Load(<data/8403a401>): ciphertext verification failed", e.RepositoryDamagedError, False),
        (1, "x509: certificate signed by unknown authority", e.BackendError, True),
        (1, "something new", e.ResticError, True),
    ],
)
def test_what_restic_says_is_understood(code, text, kind, retryable):
    error = translate(REPOSITORY, "backup", code, text)
    assert type(error) is kind
    assert error.retryable is retryable


def test_secrets_are_taken_out():
    error = translate(REPOSITORY, "backup", 1, "dial http://me:hunter2@h/repo: refused")
    assert "hunter2" not in str(error)
