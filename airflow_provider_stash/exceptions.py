"""Every error this package raises on purpose: each says what was wrong, with what, and what to do next."""

from __future__ import annotations


class StashError(RuntimeError):
    """Base of this package's errors.

    ``retryable`` tells the caller whether the same call may succeed later: an operator turns
    an error that is not into ``AirflowFailException``, so that no retry is spent on it.
    """

    retryable = True


class InvalidConfigurationError(StashError, ValueError):
    """A parameter, a connection or a manifest says something that can't be meant."""

    retryable = False


class GoTemplateError(InvalidConfigurationError):
    """
    A Go template can't be parsed or rendered.

    :param message: what was wrong.
    :param line: where, from 1.
    :param column: where in the line, from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column = message, line, column


# --- etcd ---------------------------------------------------------------------------------------


class EtcdError(StashError):
    """etcd refused or failed a request."""


class EtcdUnavailableError(EtcdError):
    """No endpoint answered in time."""


class EtcdOtherMemberError(EtcdUnavailableError):
    """Another member answers at the address that one advertises."""


class EtcdNoLeaderError(EtcdUnavailableError):
    """The endpoint answers, but its cluster has no leader now: an election, or the quorum is lost."""


class EtcdTLSError(EtcdUnavailableError):
    """The TLS handshake failed: wrong CA, wrong name, expired, or a client certificate is missing."""

    retryable = False


class EtcdAuthenticationError(EtcdError):
    """User and password are wrong, missing, or not wanted."""

    retryable = False


class EtcdPermissionError(EtcdError):
    """The user may not do this: a snapshot needs the root role once authentication is on."""

    retryable = False


class SnapshotStreamError(EtcdError):
    """The snapshot stream broke off before its end."""


class SnapshotCorruptError(EtcdError):
    """The snapshot's sha256, the last 32 bytes of the stream or file, is not that of its content."""


class EtcdToolError(StashError):
    """etcdutl or etcdctl is missing, too old for this snapshot, or failed."""

    retryable = False


# --- restic -------------------------------------------------------------------------------------


class ResticError(StashError):
    """restic failed; the message holds its own last words."""


class ResticNotInstalledError(ResticError):
    """No restic at the configured path."""

    retryable = False


class RepositoryNotFoundError(ResticError):
    """There is no repository at the location (restic's exit code 10)."""

    retryable = False


class RepositoryLockedError(ResticError):
    """Another process holds a lock on the repository (restic's exit code 11)."""


class WrongRepositoryPasswordError(ResticError):
    """No key of the repository opens with this password (restic's exit code 12)."""

    retryable = False


class BackendError(ResticError):
    """The place where the repository lies can't be reached, or refuses: bucket, credentials, network."""


class RepositoryDamagedError(ResticError):
    """``restic check`` found errors, or data could not be read back."""

    retryable = False


class SnapshotNotFoundError(ResticError):
    """No snapshot fits what was asked for, or several do where one is wanted."""

    retryable = False


# --- steps --------------------------------------------------------------------------------------


class NoSpaceError(StashError):
    """There is not enough room in the directory named, or under the limit set for it."""

    retryable = False


class WorkloadError(StashError):
    """A member could not be stopped, filled or started."""


class RestoreVerificationError(StashError):
    """The restored cluster is not what the snapshot promised."""

    retryable = False


class FunctionFailedError(StashError):
    """A Function of a user's own Task has written that it failed, or has not written what it should have."""


class HookError(StashError):
    """A hook's request was refused or got no answer, nothing listens at its port, or its command failed."""


class MetricsPushError(StashError):
    """The Pushgateway or the textfile directory did not take the metrics."""


# --- Kubernetes ---------------------------------------------------------------------------------


class KubernetesError(StashError):
    """The cluster's API can't be reached, or failed a request."""


class KubernetesPermissionError(KubernetesError):
    """The cluster's API denies a request: the message names verb, resource and namespace."""

    retryable = False


class JobFailedError(KubernetesError):
    """A step's Job ended without the step's own word: its Pod could not start, or was ended."""


# --- Airflow ------------------------------------------------------------------------------------


class NotificationError(StashError):
    """No notifier could send word."""


class AirflowApiError(StashError):
    """Airflow's API server did not answer as it should."""
