"""Keys, requests and certificates in PEM, compared with what openssl says of them."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from picdns_core import pem
from picdns_core.settings import KeyType

START = datetime(2026, 1, 1, tzinfo=UTC)


def openssl(*arguments: str | Path, stdin: bytes = b"") -> str:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout.decode()


def certificate(
    *names: str, issuer: dict[x509.ObjectIdentifier, str] | None = None, serial: int = 1
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(oid, value) for oid, value in (issuer or {}).items()]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name(subject))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=90))
    )
    if names:
        alternative = x509.SubjectAlternativeName([pem.general_name(name) for name in names])
        builder = builder.add_extension(alternative, critical=True)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("key_type", "said"),
    [
        ("ec256", "NIST CURVE: P-256"),
        ("ec384", "NIST CURVE: P-384"),
        ("rsa2048", "Private-Key: (2048 bit"),
        ("rsa3072", "Private-Key: (3072 bit"),
    ],
)
def test_a_key_is_of_the_type_that_was_asked_for(key_type: KeyType, said: str) -> None:
    """Openssl reads each type, unencrypted in PKCS #8, as what it is."""
    data = pem.dump_key(pem.new_key(key_type))
    assert data.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert said in openssl("pkey", "-noout", "-text", stdin=data)


def test_a_key_comes_back_as_it_was() -> None:
    """What was dumped loads as the same key."""
    key = pem.new_key("ec256")
    assert pem.dump_key(key) == pem.dump_key(pem.load_key(pem.dump_key(key)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "PEM"),
        (b"nonsense", "PEM"),
        (pem.dump_key(pem.new_key("ec256"))[:-40], "PEM"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ),
            "neither an EC nor an RSA key",
        ),
        (
            pem.new_key("ec256").private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
            ),
            "encrypted with a password",
        ),
    ],
)
def test_what_is_no_key_of_ours_is_a_value_error(data: bytes, said: str) -> None:
    """Damaged, foreign and encrypted keys are refused alike."""
    with pytest.raises(ValueError, match=said):
        pem.load_key(data)


def test_a_csr_carries_the_names_and_nothing_else() -> None:
    """Openssl finds it well signed, with an empty subject and the names in their order."""
    names = ["home.example", "*.home.example", "192.168.1.2", "fd00::1"]
    data = pem.make_csr(pem.new_key("ec256"), names)
    text = openssl("req", "-noout", "-text", "-verify", stdin=data)
    assert "Subject: \n" in text or "Subject:\n" in text
    assert "DNS:home.example, DNS:*.home.example, IP Address:192.168.1.2" in text
    csr = x509.load_pem_x509_csr(data)
    assert pem.names_in(csr.extensions) == tuple(names)
    assert len(csr.extensions) == 1


def test_the_facts_of_a_certificate() -> None:
    """Names, issuer, serial and times come out as they went in."""
    found = pem.facts(
        certificate("b.example", "a.example", "10.0.0.1", issuer={NameOID.COMMON_NAME: "My CA"})
    )
    assert found == pem.Facts(
        names=("b.example", "a.example", "10.0.0.1"),
        issuer="My CA",
        serial="01",
        not_before=START,
        not_after=START + timedelta(days=90),
    )


def test_an_issuer_without_common_name_is_still_named() -> None:
    """Some CAs have only an organisation."""
    found = pem.facts(certificate("a.example", issuer={NameOID.ORGANIZATION_NAME: "My Org"}))
    assert found.issuer == "O=My Org"


def test_a_certificate_without_names_has_none() -> None:
    """No alternative name is no error, but no name either."""
    assert pem.facts(certificate()).names == ()


@pytest.mark.parametrize("serial", [1, 0x7F, 0x80, 0xABC, 0x0FFF, 2**127, 2**158 + 5])
def test_serial_and_fingerprint_are_those_of_openssl(tmp_path: Path, serial: int) -> None:
    """What we print can be compared with what the tools of others print."""
    one = certificate("a.example", serial=serial)
    file = tmp_path / "cert.pem"
    file.write_bytes(one.public_bytes(Encoding.PEM))
    said = openssl("x509", "-in", file, "-noout", "-serial", "-fingerprint", "-sha256").split()
    assert said[0] == f"serial={pem.serial_hex(one).upper()}"
    assert said[-1] == f"Fingerprint={pem.fingerprint(one)}"
