from dataclasses import replace
from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.etcd.pem import check_pem
from airflow_provider_stash.exceptions import InvalidConfigurationError
from testbed.certificates import Authority

RUBBISH = b"-----BEGIN %s-----\nc2VjcmV0\n-----END %s-----\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def good(authority):
    pair = authority.issue("client")
    return EtcdConfig(
        parse_endpoints("https://a"),
        ca_cert=authority.cert.read_bytes(),
        client_cert=pair.cert.read_bytes(),
        client_key=pair.key.read_bytes(),
    )


def test_good_ones_pass(good, authority):
    check_pem(good)
    comments = "# Ünïcode\nBag Attributes\n".encode()
    check_pem(replace(good, ca_cert=comments + good.ca_cert + comments + authority.cert.read_bytes()))
    check_pem(replace(good, client_cert=comments + good.client_cert + good.ca_cert))
    check_pem(EtcdConfig(good.endpoints))


def test_a_key_as_openssl_ecparam_writes_it(good, authority):
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    check_pem(replace(good, client_key=parameters + good.client_key))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca_cert": b"/etc/etcd/ca.crt"}, "CA certificate is no PEM text"),
        ({"client_cert": b"x"}, "client certificate is no PEM text"),
        ({"client_key": b"x"}, "client key is no PEM text"),
        ({"ca_cert": RUBBISH % (b"CERTIFICATE", b"CERTIFICATE")}, "CA certificate can't be read"),
        ({"client_cert": RUBBISH % (b"CERTIFICATE", b"CERTIFICATE")}, "client certificate can't be read"),
        ({"client_key": RUBBISH % (b"PRIVATE KEY", b"PRIVATE KEY")}, "client key can't be read"),
    ],
)
def test_bad_ones_are_named_and_not_repeated(good, changes, words):
    with pytest.raises(InvalidConfigurationError, match=words) as error:
        check_pem(replace(good, **changes))
    assert "c2VjcmV0" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_certificate_that_was_cut_off(good):
    with pytest.raises(InvalidConfigurationError, match="CA certificate can't be read"):
        check_pem(replace(good, ca_cert=good.ca_cert[:200]))
    with pytest.raises(InvalidConfigurationError, match="client certificate can't be read"):
        check_pem(replace(good, client_cert=good.client_cert[:200]))


def test_fields_that_were_swapped(good):
    with pytest.raises(InvalidConfigurationError, match="client certificate can't be read"):
        check_pem(replace(good, client_cert=good.client_key, client_key=good.client_cert))
    with pytest.raises(InvalidConfigurationError, match="CA certificate can't be read"):
        check_pem(replace(good, ca_cert=good.client_key))


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_key_of_another_certificate(good, key):
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(InvalidConfigurationError, match="not that of the client certificate"):
        check_pem(replace(good, client_key=pem))


def test_a_key_with_a_passphrase(good):
    key = serialization.load_pem_private_key(good.client_key, password=None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    with pytest.raises(InvalidConfigurationError, match="without a passphrase"):
        check_pem(replace(good, client_key=pem))


def test_a_real_bundle_of_cas_passes(good):
    check_pem(replace(good, ca_cert=Path(certifi.where()).read_bytes()))
