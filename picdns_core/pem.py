"""Keys, requests and certificates in PEM: made, and read."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import Struct

from picdns_core.settings import KeyType

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Facts(Struct, frozen=True, kw_only=True):
    """What a certificate says of itself; `serial` in lower-case hex, times in UTC."""

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime


def new_key(key_type: KeyType) -> PrivateKey:
    """Generate a private key."""
    if key_type.startswith("rsa"):
        return rsa.generate_private_key(65537, int(key_type.removeprefix("rsa")))
    return ec.generate_private_key(ec.SECP384R1() if key_type == "ec384" else ec.SECP256R1())


def dump_key(key: PrivateKey) -> bytes:
    """Return the key as unencrypted PKCS #8 in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(pem: bytes) -> PrivateKey:
    """Read what `dump_key` wrote; ValueError when it is anything else."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("the key is encrypted with a password") from None
    if not isinstance(key, PrivateKey):
        raise ValueError(f"a {type(key).__name__} is neither an EC nor an RSA key")
    return key


def make_csr(key: PrivateKey, names: Sequence[str]) -> bytes:
    """Return a CSR in PEM whose only content is the names, as CAs want it (RFC 8555, 7.4)."""
    alternative = x509.SubjectAlternativeName([general_name(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    csr = builder.add_extension(alternative, critical=True).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.PEM)


def general_name(name: str) -> x509.GeneralName:
    """Return a DNS name or an IP address (RFC 8738) as it stands in a certificate."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def names_in(extensions: x509.Extensions) -> tuple[str, ...]:
    """Return the DNS names and IP addresses of a certificate or CSR."""
    try:
        alternative = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = alternative.get_values_for_type(x509.IPAddress)
    return (*alternative.get_values_for_type(x509.DNSName), *map(str, addresses))


def facts(certificate: x509.Certificate) -> Facts:
    """Read a certificate."""
    common_names = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    issuer = common_names[0].value if common_names else certificate.issuer.rfc4514_string()
    return Facts(
        names=names_in(certificate.extensions),
        issuer=issuer if isinstance(issuer, str) else issuer.decode(),
        serial=serial_hex(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def serial_hex(certificate: x509.Certificate) -> str:
    """Return the serial number in lower-case hex, whole bytes, as `openssl x509` has it."""
    text = f"{certificate.serial_number:x}"
    return text.zfill(len(text) + len(text) % 2)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint, as browsers show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
