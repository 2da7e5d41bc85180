"""A CA that signs anew what another has issued, with other dates."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_FROM = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_CA_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Resigner:
    """A root, valid for decades, and the intermediates below it that sign certificates anew.

    A certificate keeps its authority key identifier, which is half of its name in renewal info
    (RFC 9773, 4.1). So that chains still build, there is an intermediate for each such
    identifier, which has it as its subject key identifier.
    """

    def __init__(self) -> None:
        """Make the root."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._intermediates: dict[bytes, x509.Certificate] = {}
        self._name = _name("picdns time machine root")
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._root = self._ca(self._name, identifier, path_length=None)
        self.root = pem(self._root)
        """The root in PEM."""

    def sign(self, leaf: x509.Certificate, shift: dt.timedelta) -> list[x509.Certificate]:
        """Return the same certificate with its dates shifted, and the one that issued it.

        Subject, public key, serial number and all extensions are as they were.
        """
        issuer = self._intermediate(leaf)
        builder = (
            x509.CertificateBuilder()
            .subject_name(leaf.subject)
            .issuer_name(issuer.subject)
            .public_key(leaf.public_key())
            .serial_number(leaf.serial_number)
            .not_valid_before(leaf.not_valid_before_utc + shift)
            .not_valid_after(leaf.not_valid_after_utc + shift)
        )
        for extension in leaf.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return [builder.sign(self._key, hashes.SHA256()), issuer]

    def _intermediate(self, leaf: x509.Certificate) -> x509.Certificate:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        identifier = found.value.key_identifier or b""
        if identifier not in self._intermediates:
            self._intermediates[identifier] = self._ca(
                _name(f"picdns time machine {identifier.hex()[:8]}"),
                x509.SubjectKeyIdentifier(identifier),
                path_length=0,
            )
        return self._intermediates[identifier]

    def _ca(
        self, subject: x509.Name, identifier: x509.SubjectKeyIdentifier, *, path_length: int | None
    ) -> x509.Certificate:
        public = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_FROM)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(_CA_USAGE, critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the names and addresses that a certificate is for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    return frozenset((*names.get_values_for_type(x509.DNSName), *addresses))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
