"""What gRPC 1.85, Python's ssl and etcd 3.4 to 3.5.30 really said, and what becomes of it."""

import pytest

from airflow_provider_stash import exceptions as e
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.errors import InvalidTokenError, all_failed, translate, unavailable

ALL = "failed to connect to all addresses; last error: "
ADDRESS = "ipv4:10.0.0.1:2379: "
HANDSHAKE = (
    f"{ALL}UNKNOWN: {ADDRESS}Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL "
)
PEM = b"-----BEGIN CERTIFICATE-----\n"


class Failure:
    """As grpc.RpcError."""

    def __init__(self, code, details):
        import grpc

        self._code, self._details = grpc.StatusCode[code], details

    def code(self):
        return self._code

    def details(self):
        return self._details


def config(url, **options):
    return EtcdConfig(parse_endpoints(url), **options)


def said(code, details, url="https://db-1:2379", **options):
    given = config(url, **options)
    return translate(given.endpoints[0], Failure(code, details), given)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (
            f"{HANDSHAKE}routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: self signed certificate",
            "give the CA's certificate",
        ),
        (
            f"{HANDSHAKE}routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: certificate has expired: OK",
            "expired",
        ),
        (f"{HANDSHAKE}routines:CERTIFICATE_VERIFY_FAILED: certificate is not yet valid: OK", "clocks"),
        (
            f"{ALL}UNKNOWN: {ADDRESS}Custom verification check failed with error: UNAUTHENTICATED: "
            "Hostname Verification Check failed.",
            "not made for db-1",
        ),
        (f"{ALL}UNKNOWN: {ADDRESS}Peer name db-1 is not in peer certificate", "not made for db-1"),
        (
            f"{ALL}UNAVAILABLE: {ADDRESS}Unwrap failed (TSI_DATA_CORRUPTED)",
            "it asks for a client certificate",
        ),
        (
            f"{HANDSHAKE}routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE: OK",  # etcd 3.5.1 and before
            "it asks for a client certificate",
        ),
        (f"{HANDSHAKE}routines:OPENSSL_internal:WRONG_VERSION_NUMBER: Invalid: OK", "write http://"),
        (f"{ALL}UNKNOWN: {ADDRESS}Failed to create security handshaker.", "gRPC can't use the certificates"),
    ],
)
def test_a_tls_set_up_that_is_wrong_is_not_tried_again(details, words):
    error = said("UNAVAILABLE", details)
    assert type(error) is e.EtcdTLSError
    assert not error.retryable
    assert words in str(error)
    assert "TSI" not in str(error)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (f"{ALL}UNAVAILABLE: {ADDRESS}Handshake read failed (Socket closed)", "just starting or stopping"),
        (
            f"{ALL}UNAVAILABLE: {ADDRESS}Handshake read failed (recvmsg:Connection reset by peer (104))",
            "just starting or stopping",
        ),
        (f"{ALL}UNAVAILABLE: {ADDRESS}Handshake read failed (Endpoint closing)", "not answered in time"),
        (
            f"{ALL}UNKNOWN: {ADDRESS}Failed to connect to remote host: Connection refused",
            "Is the member running?",
        ),
        (
            "errors resolving db-1:2379: [field:hostname lookup error:address lookup failed for db-1:2379: "
            "Domain name not found]",
            "'db-1' can't be resolved",
        ),
        (
            f"{ALL}UNKNOWN: {ADDRESS}Failed to connect to remote host: No route to host",
            ": Failed to connect to remote",
        ),
        ("etcdserver: rpc not supported for learner", "not supported for learner"),
        ("Socket closed", "Socket closed."),
        ("", "unavailable"),
    ],
)
def test_a_member_that_may_come_back_is_worth_a_retry(details, words):
    error = said("UNAVAILABLE", details)
    assert type(error) is e.EtcdUnavailableError
    assert error.retryable
    assert words in str(error)


@pytest.mark.parametrize("details", ["etcdserver: leader changed", "etcdserver: request timed out"])
def test_a_cluster_without_a_leader_is_known_as_such(details):
    error = said("UNAVAILABLE", details)
    assert type(error) is e.EtcdNoLeaderError
    assert error.retryable
    assert "more than half of its members" in str(error)
    assert ALL not in str(error)
    assert str(error).startswith("https://db-1:2379: ")


@pytest.mark.parametrize(
    "ending",
    [
        "Socket closed",
        "recvmsg:Connection reset by peer (104)",
        "Failed parsing HTTP/2 (Expected SETTINGS frame as the first frame, got frame type 80)",
    ],
)
def test_plain_text_to_something_else_suggests_https(ending):
    error = said("UNAVAILABLE", f"{ALL}UNAVAILABLE: {ADDRESS}{ending}", "http://db-1:2379")
    assert "write https://" in str(error)


@pytest.mark.parametrize(
    "details",
    ["Socket closed", f"{ALL}UNKNOWN: {ADDRESS}connection attempt timed out before receiving SETTINGS frame"],
)
def test_a_plain_connection_that_broke_later_or_was_not_answered_is_not_told_to_be_tls(details):
    assert "https://" not in str(said("UNAVAILABLE", details, "http://db-1:2379"))


def test_the_ca_and_client_certificate_that_were_given_are_blamed():
    refused = f"{ALL}UNAVAILABLE: {ADDRESS}Unwrap failed (TSI_DATA_CORRUPTED)"
    assert "does not accept the client certificate" in str(
        said("UNAVAILABLE", refused, client_cert=PEM, client_key=PEM)
    )
    unknown = f"{HANDSHAKE}routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: self signed certificate"
    assert "not signed by the CA given" in str(said("UNAVAILABLE", unknown, ca_cert=PEM))


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (
            "INVALID_ARGUMENT",
            "etcdserver: authentication failed, invalid user ID or password",
            "accept user 'root'",
        ),
        ("INVALID_ARGUMENT", "etcdserver: user name is empty", "no user was given"),
        ("UNKNOWN", "auth: user name is empty", "no user was given"),
        ("UNAUTHENTICATED", "something else", "something else"),
    ],
)
def test_authentication(code, details, kind):
    error = said(code, details, user="root", password="hunter2")
    assert type(error) is e.EtcdAuthenticationError
    assert not error.retryable
    assert kind in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("UNAUTHENTICATED", "etcdserver: invalid auth token"),
        ("UNKNOWN", "auth: invalid auth token"),
        ("INVALID_ARGUMENT", "etcdserver: revision of auth store is old"),
    ],
)
def test_a_token_that_ended_is_a_matter_of_a_new_login(code, details):
    error = said(code, details, user="root", password="x")
    assert type(error) is InvalidTokenError
    assert error.retryable


@pytest.mark.parametrize(
    ("code", "details"),
    [("PERMISSION_DENIED", "etcdserver: permission denied"), ("UNKNOWN", "auth: permission denied")],
)
def test_permission(code, details):
    error = said(code, details, user="joe", password="x")
    assert type(error) is e.EtcdPermissionError
    assert "etcdctl user grant-role joe root" in str(error)
    assert "None" not in str(said(code, details))  # the user of a client certificate has no name here


def test_the_rest():
    assert type(said("DEADLINE_EXCEEDED", "Deadline Exceeded")) is e.EtcdUnavailableError
    assert "quorum" in str(said("DEADLINE_EXCEEDED", "context deadline exceeded"))
    assert type(said("UNKNOWN", "context deadline exceeded")) is e.EtcdUnavailableError
    assert "alarm list" in str(said("DATA_LOSS", "etcdserver: corrupt cluster"))
    compacted = said("OUT_OF_RANGE", "etcdserver: mvcc: required revision has been compacted")
    assert str(compacted) == "https://db-1:2379: etcdserver: mvcc: required revision has been compacted"
    assert "INTERNAL" in str(said("INTERNAL", ""))


def test_what_pythons_ssl_says_is_understood_too():
    given = config("https://db-1:2379", insecure_skip_verify=True)
    endpoint = given.endpoints[0]
    for text, words in (
        ("_ssl.c:989: The handshake operation timed out", "not answered in time"),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol", "does not speak TLS"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "does not speak TLS"),
        ("Name or service not known", "can't be resolved"),
        ("Connection refused", "Is the member running?"),
    ):
        assert words in str(unavailable(endpoint, text, given))


def test_several_failures_make_one_that_can_be_retried_when_one_of_them_can():
    wrong, gone = e.EtcdTLSError("a: wrong"), e.EtcdUnavailableError("b: gone")
    both = all_failed("Nobody answered.", [wrong, gone])
    assert both.retryable
    assert str(both) == "Nobody answered. a: wrong b: gone"
    assert not all_failed("Nobody answered.", [wrong, wrong]).retryable
    assert all_failed("Nobody answered.", [gone]) is gone
