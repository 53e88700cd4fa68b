"""The texts are restic's own, of 0.14, 0.18.0 and 0.19.1."""

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.restic.errors import is_hopeless, translate
from airflow_provider_stash.restic.repository import Repository

REPOSITORY = Repository("rest:http://me:hunter2@h/repo", "pw")
LOCK = """unable to create lock in backend: repository is already locked exclusively by PID 71 on h by root (UID 0, GID 0)
lock was created at 2026-11-23 20:55:28 (1.2s ago)
storage ID 7d2c1a4e"""
LOCAL = Repository("/r", "pw")
STACK = """github.com/restic/restic/internal/backend/local.(*Local).Save
\tgithub.com/restic/restic/internal/backend/local/local.go:153
main.glob..func2
\tgithub.com/restic/restic/cmd/restic/cmd_backup.go:74
runtime.goexit
\truntime/asm_amd64.s:1594
"""
PANIC = """panic: runtime error: slice bounds out of range [16:10]

goroutine 1 [running]:
github.com/restic/restic/internal/repository.(*Repository).LoadUnpacked(0xc00017e000, {0xeb7e53, 0x6}, ...)
\tgithub.com/restic/restic/internal/repository/repository.go:206 +0x674
main.main()
\tgithub.com/restic/restic/cmd/restic/main.go:98 +0x151
"""
CUT = """Load(<data/32d6aafaae>, 3000357, 0) returned error, retrying after 15.394871241s: ReadFull: unexpected EOF
pack 32d6aafaae failed to download: StreamPack: ReadFull: unexpected EOF
Fatal: repository contains errors"""
SHORT = f"pack 32d6aafaae: unexpected file size: got 1000000, expected 3000357\n{CUT}"


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
        (
            1,
            "pack 32d6aafa: calculated size 3000357 does not match real size 1000000",
            e.RepositoryDamagedError,
            False,
        ),
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


def no_lock(reason):
    """What restic says when it could not write its lock: from 0.17 on, and 0.14."""
    retry = f"Save(<lock/787a852519>) returned error, retrying after 552.330144ms: {reason}\n"
    yield f"{retry}Save(<lock/787a852519>) failed: {reason}\nunable to create lock in backend: {reason}"
    yield f"{retry}{reason}\n{STACK}unable to create lock in backend\n"


@pytest.mark.parametrize(
    ("reason", "kind", "words"),
    [
        ("open /r/locks/78-tmp-1: permission denied", e.BackendError, "may not read and write there"),
        ("open /r/locks/78-tmp-1: operation not permitted", e.BackendError, "may not read and write there"),
        ("open /r/locks/78-tmp-1: read-only file system", e.BackendError, "read-only"),
        ("write /r/locks/78-tmp-1: no space left on device", e.NoSpaceError, "no space left"),
        ("client.PutObject: Access Denied.", e.BackendError, "it denies access"),
        ("unexpected HTTP response (403): 403 Forbidden", e.BackendError, "it denies access"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", e.BackendError, "nothing listens there"),
        ("readdirent /r/locks: not a directory", e.BackendError, "no lock could be written"),
        ("context canceled", e.BackendError, "no lock could be written"),
    ],
)
def test_a_lock_that_can_not_be_written_is_no_lock_of_another(reason, kind, words):
    for text in no_lock(reason):
        error = translate(LOCAL, "backup", 1, text)
        assert type(error) is kind
        assert words in str(error)
        assert reason in str(error)
        for noise in (".go:", "runtime", "main.", "retrying after"):
            assert noise not in str(error)


def test_a_wait_for_a_lock_is_none():
    """As with --retry-lock."""
    said = "repo already locked, waiting up to 5m0s for the lock\nwrite /r/data/x: no space left on device"
    assert type(translate(LOCAL, "backup", 1, said)) is e.NoSpaceError


@pytest.mark.parametrize(
    "text",
    [
        "unable to create lock in backend: ciphertext verification failed",
        "Fatal: invalid lock file: LoadRaw(<lock/aaaaaaaaaa>): invalid data returned",
    ],
)
def test_a_lock_that_can_not_be_read_is_no_damage_to_data(text):
    error = translate(LOCAL, "check", 1, text)
    assert type(error) is e.BackendError
    assert "unlock --remove-all" in str(error)


def test_a_panic_is_told_without_its_stack():
    error = translate(LOCAL, "check", 2, PANIC)
    assert type(error) is e.ResticError
    assert str(error).endswith(": panic: runtime error: slice bounds out of range [16:10]")


@pytest.mark.parametrize(
    ("repository", "text", "kind"),
    [
        (LOCAL, CUT, e.RepositoryDamagedError),
        (LOCAL, "cannot dump file: ReadFull(<data/32d6aafaae>): unexpected EOF", e.RepositoryDamagedError),
        (LOCAL, "cannot dump file: ReadFull(<data/32d6aafaae>): EOF", e.RepositoryDamagedError),
        (REPOSITORY, "cannot dump file: ReadFull(<data/32d6aafaae>): unexpected EOF", e.BackendError),
        (
            LOCAL,
            "Fatal: cannot dump file: ReadFull(<data/4faf5f8666>): file is too short",
            e.RepositoryDamagedError,
        ),
        # Elsewhere it may be the network; but not where a list of the files tells the size.
        (REPOSITORY, CUT, e.BackendError),
        (REPOSITORY, SHORT, e.RepositoryDamagedError),
        (REPOSITORY, "ReadFull(<data/7e>): restic-file-too-short", e.RepositoryDamagedError),
        (REPOSITORY, "ReadFull(<data/7e>): The requested range is not satisfiable", e.RepositoryDamagedError),
        # What was dropped and read again is no reason for what was found.
        (
            REPOSITORY,
            "Load(<data/32>, 1, 0) returned error, retrying after 1s: connection reset\n"
            "pack 32d6aafaae contains 1 errors: [blob 0: loading failed]\nFatal: repository contains errors",
            e.RepositoryDamagedError,
        ),
    ],
)
def test_data_that_is_cut_short_is_damage_where_no_network_can_have_cut_it(repository, text, kind):
    assert type(translate(repository, "check", 1, text)) is kind


def test_what_restic_tried_before_it_was_ended_is_the_reason():
    said = "Stat(<config/>) returned error, retrying after 1s: dial tcp: connection refused\ncontext canceled"
    error = translate(REPOSITORY, "backup", 1, said)
    assert type(error) is e.BackendError
    assert "nothing listens there" in str(error)


def test_a_cache_that_can_not_be_made_is_not_the_repository():
    warning = "unable to open cache: mkdir /home/x/.cache: permission denied\n"
    damage = translate(LOCAL, "check", 1, f"{warning}Load(<data/1>): ciphertext verification failed")
    assert type(damage) is e.RepositoryDamagedError
    error = translate(LOCAL, "check", 1, f"{warning}mkdir /home/x/.cache: permission denied\n{STACK}")
    assert type(error) is e.BackendError
    assert "cache_dir" in str(error)


@pytest.mark.parametrize("reason", ["permission denied", "operation not permitted", "read-only file system"])
def test_what_may_not_be_written_is_not_tried_for_a_quarter_of_an_hour(reason):
    assert is_hopeless(f"Save(<lock/78>) returned error, retrying after 842ms: open /r/locks/78: {reason}\n")
    assert not is_hopeless(f"unable to open cache: mkdir /home/x/.cache: {reason}\n")
    assert not is_hopeless("Save(<lock/78>) returned error, retrying after 842ms: i/o timeout\n")


@pytest.mark.parametrize(
    "text",
    [
        "Fatal: unable to open config file: Stat: The specified key does not exist.\n"
        "Is there a repository at the following location?\ns3:http://h/etcd-bucket/prod",
        "Fatal: unable to open config file: stat /data/bucket/config: no such file or directory\n"
        "Is there a repository at the following location?\n/data/bucket",
    ],
)
def test_a_place_that_is_called_bucket_is_none_that_is_missing(text):
    """By 0.14, which says so in words alone."""
    error = translate(Repository("s3:http://h/etcd-bucket/prod", "pw"), "cat", 1, text)
    assert isinstance(error, e.RepositoryNotFoundError)
    assert "Correct the location" in str(error)
