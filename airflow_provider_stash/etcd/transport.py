"""Calls to etcd's endpoints: channels, the token, fail-over, and errors that say what is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_stash.etcd.channel import open_channel
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig
from airflow_provider_stash.etcd.errors import InvalidTokenError, all_failed, translate
from airflow_provider_stash.etcd.etcd3_stubs import etcdrpc
from airflow_provider_stash.etcd.login import SharedLogin
from airflow_provider_stash.exceptions import EtcdError, EtcdUnavailableError

if TYPE_CHECKING:
    import grpc

_T = TypeVar("_T")


class Transport:
    """
    One gRPC channel an endpoint and one login, made when they are first needed.

    :param config: endpoints, TLS, user and password.
    """

    def __init__(self, config: EtcdConfig) -> None:
        self.config = config
        self.rpc = etcdrpc()
        self._channels: dict[Endpoint, grpc.Channel] = {}
        self._tokens: dict[Endpoint, str | None] = {}
        self._login = SharedLogin()
        self._dead: set[Endpoint] = set()

    def close(self) -> None:
        """Close every channel."""
        while self._channels:
            self._channels.popitem()[1].close()

    def any(self, stub: str, method: str, request: Any, *, timeout: float | None = None) -> Any:
        """Call a method at the first endpoint that answers; see ``first`` and ``call``."""
        return self.first(lambda endpoint: self.call(endpoint, stub, method, request, timeout=timeout))

    def first(self, call: Callable[[Endpoint], _T]) -> _T:
        """
        Give the answer of the first endpoint that has one.

        :raises EtcdUnavailableError: none had; every endpoint's reason is in the message.
        :raises EtcdError: one answered, and refused.
        """
        failures: list[EtcdError] = []
        # Those that did not answer last time come last: each may cost the whole time-out.
        for endpoint in sorted(self.config.endpoints, key=self._dead.__contains__):
            try:
                return call(endpoint)
            except EtcdUnavailableError as error:
                failures.append(error)
        raise all_failed("No etcd endpoint answered.", failures)

    def call(
        self,
        endpoint: Endpoint,
        stub: str,
        method: str,
        request: Any,
        *,
        timeout: float | None = None,
        authenticate: bool = True,
    ) -> Any:
        """
        Call a method of one endpoint.

        :param stub: the service's stub class, such as ``KVStub``.
        :param timeout: seconds; None: the configured one.
        :param authenticate: send the user's token; logs in when there is none yet.
        :raises EtcdError: translated from what gRPC raised.
        """
        limit = timeout or self.config.timeout
        try:
            return self._once(endpoint, stub, method, request, limit, authenticate)
        except InvalidTokenError:
            self._forget_token(endpoint)
            return self._once(endpoint, stub, method, request, limit, authenticate)

    def stream(self, endpoint: Endpoint, stub: str, method: str, request: Any) -> Iterator[Any]:
        """Call a method that answers with a stream; it is cancelled when the iterator is closed."""
        for attempt in ("token at hand", "new token"):
            call = None
            try:
                metadata = self._metadata(endpoint)
                call = self._open(endpoint, stub, method)(request, metadata=metadata)
                yield from call
                return
            except self._grpc_error as error:
                failure = self._translate(endpoint, error)
                # The member looks at the token before it sends anything: nothing comes twice.
                if attempt == "new token" or not isinstance(failure, InvalidTokenError):
                    raise failure from error
                self._forget_token(endpoint)
            finally:
                if call is not None:
                    call.cancel()

    def _once(
        self, endpoint: Endpoint, stub: str, method: str, request: Any, limit: float, authenticate: bool
    ) -> Any:
        try:
            metadata = self._metadata(endpoint) if authenticate else None
            reply = self._open(endpoint, stub, method)(request, timeout=limit, metadata=metadata)
        except self._grpc_error as error:
            raise self._translate(endpoint, error) from error
        except EtcdUnavailableError:  # of a channel that could not even be made
            self._dead.add(endpoint)
            raise
        self._dead.discard(endpoint)
        return reply

    def _translate(self, endpoint: Endpoint, error: grpc.RpcError) -> EtcdError:
        failure = translate(endpoint, error, self.config)
        if isinstance(failure, EtcdUnavailableError):
            self._dead.add(endpoint)
        return failure

    @property
    def _grpc_error(self) -> type[grpc.RpcError]:
        import grpc

        error: type[grpc.RpcError] = grpc.RpcError
        return error

    def _open(self, endpoint: Endpoint, stub: str, method: str) -> Any:
        if endpoint not in self._channels:
            self._channels[endpoint] = open_channel(self.config, endpoint)
        return getattr(getattr(self.rpc, stub)(self._channels[endpoint]), method)

    def _metadata(self, endpoint: Endpoint) -> tuple[tuple[str, str], ...] | None:
        """
        Log in where that is not done yet. The token travels as plain metadata: gRPC refuses call credentials on a
        channel without TLS, and etcd takes the one as the other.
        """
        if self.config.user is None:
            return None
        if endpoint not in self._tokens:
            self._tokens[endpoint] = self._login.token(lambda: self._authenticate(endpoint))
        token = self._tokens[endpoint]
        return (("token", token),) if token else None

    def _forget_token(self, endpoint: Endpoint) -> None:
        self._tokens.pop(endpoint, None)
        self._login = SharedLogin()

    def _authenticate(self, endpoint: Endpoint) -> str | None:
        request = self.rpc.AuthenticateRequest(name=self.config.user, password=self.config.password)
        try:
            reply = self._open(endpoint, "AuthStub", "Authenticate")(request, timeout=self.config.timeout)
        except self._grpc_error as error:
            if "authentication is not enabled" in str(error.details()):
                return None  # as etcdctl does: a password that isn't asked for does no harm
            raise
        return str(reply.token)
