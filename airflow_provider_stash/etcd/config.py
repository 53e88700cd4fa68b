"""How to reach an etcd cluster: endpoints, TLS, user and password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from airflow_provider_stash.exceptions import InvalidConfigurationError

DEFAULT_PORT = 2379

_ENDPOINT = re.compile(
    r"^(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/:@\[\]]+)(?::(?P<port>[0-9]+))?/?$"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One client address of an etcd member.

    :param scheme: ``http``, ``https``, or ``unix`` (of a throw-away etcd alone).
    :param host: name or address; the path of a unix socket.
    :param port: 1 to 65535; 0 of a unix socket.
    """

    scheme: str
    host: str
    port: int

    @property
    def target(self) -> str:
        """``host:port`` as gRPC and ``etcdctl`` take it, IPv6 in brackets; ``unix:path``."""
        if self.scheme == "unix":
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint as a URL, ``https://host:port``."""
        return f"{self.scheme}://{self.host if self.scheme == 'unix' else self.target}"

    @property
    def tls(self) -> bool:
        """Whether the endpoint is reached over TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        return self.url


def parse_endpoints(text: str, *, default_scheme: str = "http") -> tuple[Endpoint, ...]:
    """
    Read a comma-separated list of endpoints, each ``[http[s]://]host[:port]``.

    :param text: the list, as ``etcdctl --endpoints`` takes it.
    :param default_scheme: the scheme of an endpoint that names none.
    :return: the endpoints in their order, without repeats.
    :raises InvalidConfigurationError: for an empty list or an entry that is no endpoint.
    """
    endpoints: dict[Endpoint, None] = {}
    for raw in text.split(","):
        entry = raw.strip()
        if entry:
            endpoints[_parse_endpoint(entry, default_scheme)] = None
    if not endpoints:
        raise InvalidConfigurationError(
            "No etcd endpoint is given: expected one or several of host[:port], comma separated, "
            "each with http:// or https:// where needed."
        )
    return tuple(endpoints)


def _parse_endpoint(entry: str, default_scheme: str) -> Endpoint:
    if "@" in entry:
        # The entry itself is not repeated: it holds a password.
        raise InvalidConfigurationError(
            "An etcd endpoint holds user information (user@host): "
            "give the user and the password in the connection's own fields."
        )
    match = _ENDPOINT.match(entry)
    if match is None:
        raise InvalidConfigurationError(
            f"etcd endpoint {entry!r} is not of the form [http[s]://]host[:port]; a path is not allowed, "
            "an IPv6 address goes in brackets."
        )
    scheme = (match["scheme"] or default_scheme).lower()
    if scheme not in ("http", "https"):
        raise InvalidConfigurationError(
            f"etcd endpoint {entry!r} has the scheme {scheme!r}; use http or https."
        )
    port = int(match["port"] or DEFAULT_PORT)
    if not 0 < port < 65536:
        raise InvalidConfigurationError(f"etcd endpoint {entry!r} has port {port}; use 1 to 65535.")
    return Endpoint(scheme, match["host"].strip("[]"), port)


@dataclass(frozen=True, slots=True)
class EtcdConfig:
    """
    All that is needed to talk to an etcd cluster.

    :param endpoints: tried in turn; one that answers is enough.
    :param user: user name, when the cluster has authentication on.
    :param password: that user's password.
    :param ca_cert: PEM of the CA that signed the members' certificates; None: the system's CAs.
    :param client_cert: PEM of the client certificate, where members ask for one.
    :param client_key: PEM of its private key.
    :param insecure_skip_verify: take any server certificate that is presented.
    :param server_name: name that members' certificates must hold, where it is not the endpoint's; None: that of
        the endpoint.
    :param timeout: seconds for one request to one endpoint.
    """

    endpoints: tuple[Endpoint, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_cert: bytes | None = field(default=None, repr=False)
    client_cert: bytes | None = field(default=None, repr=False)
    client_key: bytes | None = field(default=None, repr=False)
    insecure_skip_verify: bool = False
    server_name: str | None = None
    timeout: float = 5.0

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise InvalidConfigurationError("No etcd endpoint is given.")
        if (self.client_cert is None) != (self.client_key is None):
            given, missing = ("certificate", "key") if self.client_cert else ("key", "certificate")
            raise InvalidConfigurationError(f"The etcd client {given} is given, but its {missing} is not.")
        if self.password is not None and self.user is None:
            raise InvalidConfigurationError("An etcd password is given, but no user.")
        if self.user is not None and self.password is None:
            raise InvalidConfigurationError(f"The etcd user {self.user!r} is given, but no password.")
        tls_given = self.ca_cert or self.client_cert or self.insecure_skip_verify or self.server_name
        plain = [endpoint.url for endpoint in self.endpoints if not endpoint.tls]
        if tls_given and plain:
            raise InvalidConfigurationError(
                f"TLS settings are given, but {', '.join(plain)} is plain http: write https:// in the "
                "endpoint, or take the TLS settings away."
            )
        if self.timeout <= 0:
            raise InvalidConfigurationError(
                f"The etcd timeout is {self.timeout} s; it must be more than zero."
            )
