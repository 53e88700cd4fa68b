"""Users, passwords, tokens and certificates: what is let in, and what is said when it isn't."""

import datetime
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.client import EtcdClient
from airflow_provider_stash.etcd.config import Endpoint, EtcdConfig, parse_endpoints
from testbed import certificates
from testbed.certificates import Authority
from testbed.etcd_cluster import EtcdCluster
from testbed.process import listens, wait_until
from testbed.tcp_proxy import TcpProxy


def failure(config, ask=lambda client: client.count_keys()):
    with pytest.raises(e.EtcdError) as error, EtcdClient(config) as client:
        ask(client)
    assert "hunter2" not in str(error.value)
    return error.value


def snapshot(client):
    return list(client.snapshot(client.config.endpoints[0]))


def hash_kv(client):
    return client.hash_kv(client.config.endpoints[0])


# --- users ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask", [EtcdClient.count_keys, EtcdClient.alarms, EtcdClient.members, hash_kv, snapshot]
)
def test_a_wrong_password_is_not_tried_again(every_cluster, ask):
    error = failure(every_cluster.config(password="hunter2"), ask)
    assert type(error) is e.EtcdAuthenticationError
    assert not error.retryable
    assert "does not accept user 'root' with the password given" in str(error)


def test_an_unknown_user_is_told_like_a_wrong_password(every_cluster):
    error = failure(replace(every_cluster.config(password="hunter2"), user="nobody"))
    assert "does not accept user 'nobody'" in str(error)


@pytest.mark.parametrize("ask", [EtcdClient.count_keys, hash_kv, snapshot])
def test_no_password_where_one_is_needed(every_cluster, ask):
    error = failure(every_cluster.config(password=None), ask)
    assert type(error) is e.EtcdAuthenticationError
    assert "no user was given" in str(error)


@pytest.mark.parametrize("ask", [EtcdClient.count_keys, hash_kv, snapshot])
def test_a_user_without_the_root_role(every_cluster, ask):
    if "reader" not in every_cluster.ctl("user", "list").split():
        every_cluster.ctl("user", "add", "reader:reader-password")
    config = replace(every_cluster.config(), user="reader", password="reader-password")
    error = failure(config, ask)
    assert type(error) is e.EtcdPermissionError
    assert not error.retryable
    assert "etcdctl user grant-role reader root" in str(error)
    with EtcdClient(config) as client:
        assert all(one.healthy for one in client.health())  # a denial, after a quorum agreed


def test_a_password_that_is_not_asked_for_does_no_harm(binaries, tmp_path):
    with EtcdCluster(tmp_path, size=1, tls=False, password=None, binaries=binaries) as one:
        with EtcdClient(one.config(password="unused")) as client:
            assert client.count_keys().keys == 0
            assert client.status()[0].alive
            assert snapshot(client)


@pytest.mark.parametrize(
    "ask", [EtcdClient.count_keys, EtcdClient.alarms, hash_kv, snapshot, EtcdClient.status]
)
def test_a_token_that_is_no_longer_known_is_renewed_once(every_cluster, ask):
    with every_cluster.client() as client:
        client.health()
        tokens = client._transport._tokens
        assert len(tokens) == 3
        tokens.update(dict.fromkeys(tokens, "stale.1"))
        assert ask(client) is not None


def test_tokens_end_with_a_restart_of_the_member(binaries, tmp_path):
    with EtcdCluster(tmp_path, size=1, tls=False, binaries=binaries) as one, one.client() as client:
        assert client.count_keys().keys == 0
        one.members[0].run("stop")
        one.members[0].run("start")
        one.wait_healthy()
        assert snapshot(client)
        assert client.count_keys().keys == 0


# --- TLS --------------------------------------------------------------------------------------------


@pytest.fixture
def serving(tmp_path, binaries):
    """One member with a certificate of one's choice; waits for the port alone."""

    @contextmanager
    def serve(pair=None, **options):
        cluster = EtcdCluster(tmp_path / "etcd", size=1, password=None, binaries=binaries, **options)
        cluster.server_pair = pair(cluster.authority) if pair else cluster.server_pair
        cluster.wait_healthy = lambda: wait_until(lambda: listens(port(cluster)), "etcd listens")
        with cluster:
            yield cluster

    return serve


def port(cluster):
    return int(cluster.members[0].client_url.rpartition(":")[2])


def trusting(config):
    return replace(config, ca_cert=None, insecure_skip_verify=True)


def reads(config):
    with EtcdClient(config) as client:
        return client.count_keys().revision > 0


def test_a_wrong_ca(every_cluster, tmp_path):
    other = Authority(tmp_path, "other").cert.read_bytes()
    error = failure(replace(every_cluster.config(), ca_cert=other))
    assert type(error) is e.EtcdTLSError
    assert not error.retryable
    assert "its certificate is not signed by the CA given" in str(error)
    error = failure(replace(every_cluster.config(), ca_cert=None))
    assert "not signed by a CA that this system trusts: give the CA's certificate" in str(error)
    assert reads(trusting(every_cluster.config()))


@pytest.mark.parametrize(
    "names", [{"names": ("etcd.example",), "ips": ("127.0.0.9",)}, {"names": ("*.etcd.example",), "ips": ()},
              {"names": (), "ips": ()}]
)  # fmt: skip
def test_a_name_that_is_not_in_the_certificate(serving, names):
    with serving(lambda authority: authority.issue("elsewhere", **names)) as cluster:
        error = failure(cluster.config())
        assert type(error) is e.EtcdTLSError
        assert not error.retryable
        assert "its certificate is not made for 127.0.0.1" in str(error)
        assert reads(trusting(cluster.config()))
        for name in names["names"]:
            assert reads(replace(cluster.config(), server_name=name.replace("*", "m0")))
        error = failure(replace(cluster.config(), server_name="other.example"))
        assert type(error) is e.EtcdTLSError


def test_a_certificate_that_has_expired(serving, monkeypatch):
    class Past(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - datetime.timedelta(days=31)

    def expired(authority):
        with monkeypatch.context() as patch:
            patch.setattr(certificates.datetime, "datetime", Past)
            return authority.issue("expired")

    with serving(expired) as cluster:
        error = failure(cluster.config())
        assert type(error) is e.EtcdTLSError
        assert "has expired: renew it" in str(error)
        assert "has expired: renew it" in str(failure(trusting(cluster.config())))


def test_a_client_certificate_is_asked_for(serving, tmp_path):
    with serving(client_cert_auth=True) as cluster:
        config = cluster.config()
        assert reads(config)
        assert reads(trusting(config))
        without = replace(config, client_cert=None, client_key=None)
        for one in (without, trusting(without)):
            error = failure(one)
            assert type(error) is e.EtcdTLSError
            assert "it asks for a client certificate: give one and its key" in str(error)
        other = Authority(tmp_path, "other").issue("client")
        foreign = replace(config, client_cert=other.cert.read_bytes(), client_key=other.key.read_bytes())
        for one in (foreign, trusting(foreign)):
            error = failure(one)
            assert type(error) is e.EtcdTLSError
            assert "does not accept the client certificate given" in str(error)


def test_http_where_https_is_served(serving):
    with serving() as cluster:
        error = failure(EtcdConfig((Endpoint("http", "127.0.0.1", port(cluster)),)))
        assert "write https://" in str(error)


def test_https_where_http_is_served(serving):
    with serving(tls=False) as cluster:
        config = EtcdConfig((Endpoint("https", "127.0.0.1", port(cluster)),))
        for one in (config, trusting(config)):
            error = failure(one)
            assert error.retryable  # a member that is just starting looks the same
            assert "does not speak TLS (then write http:// in the endpoint)" in str(error)


@pytest.mark.parametrize("skip", [False, True])
def test_a_connection_that_is_reset_in_the_handshake(cluster, skip):
    """So may a server end it that does not speak TLS: it depends on what of the greeting it has read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset():
            with suppress(OSError):  # of the end
                while True:
                    client, _ = listener.accept()
                    client.recv(1)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()

        threading.Thread(target=reset, daemon=True).start()
        config = cluster.config(endpoints=f"https://127.0.0.1:{listener.getsockname()[1]}")
        error = failure(trusting(config) if skip else config)
        listener.shutdown(socket.SHUT_RDWR)
        assert error.retryable
        assert "does not speak TLS (then write http:// in the endpoint)" in str(error)


@pytest.mark.parametrize("skip", [False, True])
def test_a_connection_that_breaks_in_the_handshake_is_no_wrong_set_up(cluster, skip):
    with TcpProxy(port(cluster), cut_after=1) as proxy:
        config = cluster.config(endpoints=f"https://127.0.0.1:{proxy.port}")
        error = failure(trusting(config) if skip else config)
        assert type(error) is e.EtcdUnavailableError
        assert error.retryable


def test_certificates_that_are_none(cluster):
    with (
        pytest.raises(e.InvalidConfigurationError, match="CA certificate can't be read"),
        EtcdClient(
            replace(
                cluster.config(), ca_cert=b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
            )
        ) as client,
    ):
        client.status()


@pytest.mark.parametrize("skip", [False, True])
def test_a_host_that_is_not_known(cluster, skip):
    config = replace(cluster.config(), endpoints=parse_endpoints("https://no-such-host.invalid"))
    error = failure(trusting(config) if skip else config)
    assert error.retryable
    assert "'no-such-host.invalid' can't be resolved" in str(error)
